/// Decimals, rounding, money and dates.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "pricing/calendar.h"
#include "pricing/money.h"
#include "pricing/parallel.h"
#include "support.h"

namespace assay::pricing {
namespace {

using test::refusal;
using ::testing::HasSubstr;

TEST(Decimal, ReadsExactly) {
  EXPECT_EQ(parse_decimal("0.1", "x"), Rational(1, 10));
  EXPECT_EQ(parse_decimal("-12.50", "x"), Rational(-25, 2));
  EXPECT_EQ(parse_decimal("0.010", "x"), Rational(1, 100));  // not octal
  EXPECT_EQ(parse_decimal("0.08", "x"), Rational(2, 25));
  EXPECT_EQ(parse_decimal("0", "x"), Rational(0));
  EXPECT_EQ(parse_decimal("123456789012345678901234567890.1", "x") * 10,
            Rational(Integer("1234567890123456789012345678901")));
}

TEST(Decimal, RefusesEverythingElse) {
  for (const char* text : {"", "-", ".5", "5.", "+1", "1e3", " 1", "1 ", "1,000", "01", "NaN",
                           "inf", "0x10", "1.2.3", "--1", "1.-2"}) {
    EXPECT_THAT(refusal([&] { (void)parse_decimal(text, "sheet.json: /a"); }),
                HasSubstr("sheet.json: /a: "))
        << text;
  }
  EXPECT_NE(refusal([] { (void)parse_decimal(std::string(61, '1'), "x"); }), "");
}

TEST(Decimal, DoublesEnterAsTheirShortestText) {
  EXPECT_EQ(shortest_decimal(0.1, "x"), "0.1");
  EXPECT_EQ(shortest_decimal(1e-7, "x"), "0.0000001");
  EXPECT_EQ(shortest_decimal(3.0, "x"), "3");
  EXPECT_NE(refusal([] { (void)shortest_decimal(std::nan(""), "x"); }), "");
  EXPECT_NE(refusal([] { (void)shortest_decimal(std::numeric_limits<double>::infinity(), "x"); }),
            "");
}

TEST(Rounding, TiesGoToEven) {
  EXPECT_EQ(round_half_even(Rational(5, 2)), 2);
  EXPECT_EQ(round_half_even(Rational(7, 2)), 4);
  EXPECT_EQ(round_half_even(Rational(-5, 2)), -2);
  EXPECT_EQ(round_half_even(Rational(-7, 2)), -4);
  EXPECT_EQ(round_half_even(Rational(1, 2)), 0);
  EXPECT_EQ(round_half_even(Rational(-1, 2)), 0);
  EXPECT_EQ(round_half_even(Rational(26, 10)), 3);
  EXPECT_EQ(round_half_even(Rational(-26, 10)), -3);
  EXPECT_EQ(floor_of(Rational(-1, 3)), -1);
  EXPECT_EQ(floor_of(Rational(-3)), -3);
}

TEST(Rounding, SquareRootToTheNearest) {
  EXPECT_EQ(scaled_square_root(Rational(2), 6), 1414214);  // 1.41421356...
  EXPECT_EQ(scaled_square_root(Rational(9, 4), 1), 15);
  EXPECT_EQ(scaled_square_root(Rational(0), 6), 0);
}

TEST(Text, PadsAndSigns) {
  EXPECT_EQ(decimal_text(-5, 2), "-0.05");
  EXPECT_EQ(decimal_text(0, 6), "0.000000");
  EXPECT_EQ(decimal_text(1234567, 6), "1.234567");
  EXPECT_EQ(rounded_text(Rational(2, 3), 6), "0.666667");
  EXPECT_EQ(grouped_cny_text({123456789}), "1,234,567.89");
  EXPECT_EQ(grouped_cny_text({-100000}), "-1,000.00");
  EXPECT_EQ(grouped_cny_text({99999}), "999.99");
  EXPECT_EQ(grouped_cny_text({-5}), "-0.05");
}

TEST(Money, IsWholeFen) {
  EXPECT_EQ(parse_cny("2100000.00", "x").value, 210000000);
  EXPECT_EQ(parse_cny("7", "x").value, 700);
  EXPECT_EQ(parse_cny("7.5", "x").value, 750);
  EXPECT_THAT(refusal([] { (void)parse_cny("0.001", "x"); }), HasSubstr("parts of a fen"));
  EXPECT_EQ(to_fen(Rational(1, 200), "x").value, 0);  // half a fen, to even
  EXPECT_EQ(to_fen(Rational(3, 200), "x").value, 2);
  EXPECT_EQ(cny_text({-1}), "-0.01");
}

TEST(Money, OverflowIsAnError) {
  const Fen most{std::numeric_limits<std::int64_t>::max()};
  const Fen least{std::numeric_limits<std::int64_t>::min()};
  EXPECT_NE(refusal([&] { (void)(most + Fen{1}); }), "");
  EXPECT_NE(refusal([&] { (void)(least - Fen{1}); }), "");
  EXPECT_NE(refusal([] { (void)parse_cny("92233720368547758.08", "x"); }), "");
  EXPECT_EQ(parse_cny("92233720368547758.07", "x"), most);
}

TEST(Dates, MustExist) {
  EXPECT_EQ((parse_date("2024-03-01", "x") - parse_date("2024-02-28", "x")).count(), 2);
  EXPECT_THAT(refusal([] { (void)parse_date("2026-02-29", "f: /date"); }), HasSubstr("2026-02-29"));
  EXPECT_NE(refusal([] { (void)parse_date("2026-1-1", "x"); }), "");
  EXPECT_EQ(checked_instant("2026-01-01T00:00:00Z", "x"), "2026-01-01T00:00:00Z");
  EXPECT_NE(refusal([] { (void)checked_instant("2026-01-01T00:00:00+08:00", "x"); }), "");
  EXPECT_NE(refusal([] { (void)checked_instant("2026-01-01T25:00:00Z", "x"); }), "");
}

TEST(Rational, ComparesAndMultipliesWithoutReduction) {
  for (const auto& [a, b] : std::vector<std::pair<Rational, Rational>>{{{1, 3}, {1, 2}},
                                                                       {{-1, 2}, {-1, 3}},
                                                                       {{-1, 2}, {1, 3}},
                                                                       {{2, 4}, {1, 2}},
                                                                       {0, {1, 9}}}) {
    EXPECT_EQ(less(a, b), a < b);
    EXPECT_EQ(less(b, a), b < a);
    EXPECT_EQ(rounded_product_text(a, b, 6), rounded_text(a * b, 6));
  }
  EXPECT_EQ(rounded_product_text({1, 4}, {1, 2}, 2), "0.12");  // 0.125, a tie to the even digit
}

/// Figures of few bits go through the processor's arithmetic, others through unbounded integers:
/// both round and compare alike, on either side of the borders between them.
TEST(Rational, NarrowAndWideFiguresRoundAndCompareAlike) {
  std::vector<Rational> figures;
  for (const int bits : {1, 62, 63, 64, 65, 100, 107, 108, 109, 127, 128, 129, 200}) {
    const Integer power_of_two = Integer(1) << bits;
    for (const Integer& n : {Integer(power_of_two - 1), power_of_two, Integer(power_of_two + 1)}) {
      for (const Integer& d : {Integer(1), Integer(3), Integer(2'000'000), Integer(n - 1), n,
                               Integer(n * 4'000'000), Integer((Integer(1) << 107) + 1)}) {
        if (d <= 0) continue;
        figures.emplace_back(n, d);
        figures.emplace_back(-n, d);
      }
    }
  }
  figures.emplace_back(0);
  for (const Rational& x : figures) {
    for (const int decimals : {0, 2, 6, 18, 20}) {
      const Integer scaled = round_half_even(x * Rational(power_of_ten(decimals)));
      EXPECT_EQ(rounded_text(x, decimals), decimal_text(scaled, decimals)) << x;
    }
  }
  for (std::size_t i = 0; i < figures.size(); i += 3) {
    for (std::size_t j = 0; j < figures.size(); j += 7) {
      EXPECT_EQ(less(figures[i], figures[j]), figures[i] < figures[j])
          << figures[i] << " " << figures[j];
    }
  }
}

TEST(Decimals, ReadOrNot) {
  EXPECT_EQ(decimal_of("-12.50"), Rational(-25, 2));
  EXPECT_EQ(decimal_of("123456789012345678901234567890"),
            Rational(Integer("123456789012345678901234567890")));
  EXPECT_EQ(decimal_of("0.000000000000000001"), Rational(1, power_of_ten(18)));
  EXPECT_EQ(decimal_of("0.0000000000000000000000001"), Rational(1, power_of_ten(25)));
  for (const char* wrong : {"", "-", "01", "1.", ".5", "1e3", "+1", " 1"}) {
    EXPECT_FALSE(decimal_of(wrong)) << wrong;
  }
}

TEST(Parallel, EveryPositionOnceAndTheFirstErrorCounts) {
  std::vector<int> seen(10'000, 0);
  in_parallel(seen.size(), [&seen](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) ++seen[i];
  });
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), 10'000);
  in_parallel(0, [](std::size_t first, std::size_t last) { EXPECT_EQ(first, last); });
  try {
    in_parallel(seen.size(), [](std::size_t first, std::size_t) {
      throw input_error("at " + std::to_string(first));
    });
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.line(), "at 0");
  }
}

}  // namespace
}  // namespace assay::pricing
