#include <minnow/error_codes.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace minnow {
namespace {

namespace fs = std::filesystem;

bool is_source(const fs::path& path) {
  const auto type = path.extension();
  const bool table = path.filename().string().starts_with("error_table_");
  return !table && (type == ".h" || type == ".cpp" || type == ".cu" || type == ".cuh");
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Every code that a source of the program names, with a file that does.
std::map<std::string, std::string> codes_in_sources() {
  static const std::regex kCode("MN-[A-Z][0-9]{2}[a-z]?");
  std::map<std::string, std::string> codes;
  for (const char* room : {"core", "backends", "layers", "optimizers", "samples"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(MINNOW_SOURCES) / room)) {
      if (!is_source(entry.path())) continue;
      const std::string text = content_of(entry.path());
      for (std::sregex_iterator code(text.begin(), text.end(), kCode), end; code != end; ++code) {
        codes.emplace(code->str(), entry.path().string());
      }
    }
  }
  return codes;
}

TEST(ErrorCodes, EveryCodeOfTheSourcesIsInTheTable) {
  const auto codes = codes_in_sources();
  ASSERT_GT(codes.size(), 30U) << "are the sources at " << MINNOW_SOURCES << "?";
  for (const auto& [code, file] : codes) {
    EXPECT_NE(find_error_code(code), nullptr)
        << code << " of " << file << " is missing in core/src/error_table_*.h";
  }
}

TEST(ErrorCodes, EveryCodeOfTheTableIsInTheSources) {
  const auto codes = codes_in_sources();
  for (const auto& known : error_codes()) {
    const std::string code(known.code);
    EXPECT_EQ(codes.count(code), 1U)
        << code << " is in core/src/error_table_*.h, and no source says it";
  }
}

TEST(ErrorCodes, OfAnotherProcessAreTakenAsTheyAre) {
  EXPECT_EQ(Code::of("MN-D02"), Code("MN-D02"));
  EXPECT_NE(Code::of("MN-D02"), Code("MN-D03"));
  EXPECT_EQ(Code::of("MN-Z99").text(), "MN-Z99");
  EXPECT_EQ(Code::of("a longer one than there is").text(), "a longer on");
  EXPECT_EQ(Code::of(""), Code());
}

TEST(ErrorCodes, AreInOrderAndOfOneForm) {
  static const std::regex kForm("MN-[A-Z][0-9]{2}[a-z]?");
  std::string last;
  for (const auto& known : error_codes()) {
    const std::string code(known.code);
    EXPECT_TRUE(std::regex_match(code, kForm)) << code;
    EXPECT_LT(last, code) << "twice, or not in order";
    last = code;
  }
}

TEST(ErrorCodes, SayWhatHappenedAndWhatHelps) {
  const std::set<std::string_view> types = {
      "",        "DeviceError",  "DeviceUnavailable", "FormatError", "InvalidArgument",
      "IoError", "NumericError", "ResourceExhausted", "ShapeError",  "std::exception"};
  for (const auto& known : error_codes()) {
    for (const auto& part : {known.title, known.evidence, known.remedy}) {
      EXPECT_FALSE(part.empty()) << known.code;
      EXPECT_EQ(part.find('\n'), std::string_view::npos) << known.code;
      EXPECT_FALSE(part.ends_with('.')) << known.code;
    }
    EXPECT_EQ(types.count(known.type), 1U) << known.code << " " << known.type;
  }
}

TEST(ErrorCodes, AreFoundHoweverTheyAreWritten) {
  for (const auto* form : {"MN-D08s", "mn-d08S", "D08s", "d08s", "Mn-D08S"}) {
    const ErrorCode* found = find_error_code(form);
    ASSERT_NE(found, nullptr) << form;
    EXPECT_EQ(found->code, Code("MN-D08s"));
  }
  EXPECT_EQ(find_error_code("D08")->code, Code("MN-D08"));
  for (const auto* form : {"", "MN-", "MN", "D", "D8", "MN-MN-D08", "D08 ", "D080", "MND08"}) {
    EXPECT_EQ(find_error_code(form), nullptr) << form;
  }
}

}  // namespace
}  // namespace minnow
