#pragma once
/// What a result document must hold beyond its schema: rules between fields.
///
/// - complete exactly where incomplete_reason is empty; a complete run has every process that the
///   suite asks for, and none of its workloads is interrupted
/// - process indices ascend; a process's items are in its order, each once, or once a device
/// - several devices are as many as device_count, different, the first being `device`; an item
/// names
///   one of them and says when its window began, or is work of all of them; a gang's item is that
/// - sample ends ascend strictly
/// - a valid item has samples, no error, only finite observations, and no check that failed; any
///   other has an error, in one line
/// - a check passed exactly where its error is at most its bound
/// - a training step that is valid has losses, one gradient norm for each; a kernel has no training
/// - an item of a basket is a training step, in a result that names the basket
#include <string>

#include "results/result.h"

namespace assay {

/// Errors: input_error, "<where>: /path: the rule that is broken".
void check_result_rules(const ResultDocument& result, const std::string& where);
void check_process_rules(const ProcessRecord& process, const std::string& where);

}  // namespace assay
