#pragma once
/// Where the thread sanitizer slows a test down ten times, what it takes says nothing.

namespace assay {

#ifdef __SANITIZE_THREAD__
inline constexpr bool kIsSlowedByThreadSanitizer = true;
#else
inline constexpr bool kIsSlowedByThreadSanitizer = false;
#endif

}  // namespace assay
