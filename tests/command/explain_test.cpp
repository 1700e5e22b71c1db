#include <minnow/error_codes.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "expect.h"

namespace minnow::test {
namespace {

std::string error_reference() {
  std::ifstream file(MINNOW_SOURCES "/docs/errors.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Explain, ACodeHoweverItIsWritten) {
  const Place place;
  const auto outcome = run(place, {"explain", "MN-D02"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "MN-D02  the NVIDIA driver is too old for this build\n"
            "  shows:    the newest CUDA that the driver supports, and the CUDA that this build "
            "needs\n"
            "  remedy:   update the driver, or build minnow with the CUDA that the driver "
            "supports\n"
            "  error:    DeviceUnavailable\n"
            "  exit:     69\n");
  for (const auto* form : {"D02", "d02", "mn-d02"}) {
    EXPECT_EQ(run(place, {"explain", form}).out, outcome.out) << form;
  }
  EXPECT_TRUE(contains(run(place, {"explain", "l03"}).out, "error:    none, a note: work goes on"));
}

TEST(Explain, AllCodes) {
  const Place place;
  const auto lines = lines_of(run(place, {"explain"}).out);
  const auto objects = json_of(run(place, {"explain", "--json"}).out);
  const auto codes = error_codes();
  ASSERT_EQ(lines.size(), codes.size());
  ASSERT_EQ(objects.size(), codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) {
    EXPECT_EQ(lines[i].rfind(codes[i].code.text(), 0), 0U) << lines[i];
    EXPECT_TRUE(contains(lines[i], std::string(codes[i].title)));
    EXPECT_EQ(objects[i]["code"], codes[i].code.text());
    EXPECT_EQ(objects[i]["remedy"], codes[i].remedy);
    EXPECT_EQ(objects[i]["error"].is_null(), codes[i].type.empty());
  }
}

TEST(Explain, OneCodeInJson) {
  const Place place;
  const auto objects = json_of(run(place, {"explain", "p05", "--json"}).out);
  ASSERT_EQ(objects.size(), 1U);
  EXPECT_EQ(objects[0]["code"], "MN-P05");
  EXPECT_EQ(objects[0]["exit"], 73);
  EXPECT_EQ(objects[0]["error"], "IoError");
}

TEST(Explain, AnUnknownCodeNamesThoseNearIt) {
  const Place place;
  const auto outcome = run(place, {"explain", "MN-D99"});
  expect_failure(outcome, 64, "there is no code MN-D99. [MN-U01]");
  EXPECT_TRUE(contains(outcome.err, "near it: MN-D09"));
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(contains(run(place, {"explain", "k1"}).err, "near it: MN-K01"));
  const auto far = run(place, {"explain", "nonsense\x1b[2J"});
  expect_failure(far, 64, R"(there is no code nonsense\x1b[2J. [MN-U01])");
  EXPECT_EQ(far.err.find("near it"), std::string::npos);
  EXPECT_TRUE(contains(far.err, "minnow explain lists all codes"));
}

TEST(Explain, AreOneTableOrJson) {
  const Place place;
  expect_failure(run(place, {"explain", "--json", "--markdown"}), 64,
                 "--markdown and --json exclude each other. [MN-U01]");
}

TEST(Explain, TheReferenceIsMadeFromTheTable) {
  const Place place;
  const auto outcome = run(place, {"explain", "--markdown"});
  EXPECT_EQ(outcome.exit, 0) << outcome.err;
  ASSERT_TRUE(outcome.out.ends_with("|\n"));
  EXPECT_EQ(error_reference().substr(0, outcome.out.size()), outcome.out)
      << "docs/errors.md has to begin with the output of: minnow explain --markdown";
}

TEST(Explain, TheReferenceNamesNoOtherCode) {
  static const std::regex kCode("MN-[A-Z][0-9]{2}[a-z]?");
  const std::string text = error_reference();
  std::size_t seen = 0;
  for (std::sregex_iterator code(text.begin(), text.end(), kCode), end; code != end; ++code) {
    EXPECT_NE(find_error_code(code->str()), nullptr) << code->str();
    ++seen;
  }
  EXPECT_GT(seen, error_codes().size()) << "there is nothing below the table";
}

}  // namespace
}  // namespace minnow::test
