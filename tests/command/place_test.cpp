// A model's place: found wanting before the first step, and what becomes of the model where it
// fails after the last one.

#include <minnow/minnow.h>

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "expect.h"

namespace minnow::test {
namespace {

// Root without what makes it root where files are concerned.
std::vector<std::string> as_ordinary_user() {
  if (::geteuid() != 0) return {};
  return {"setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"};
}

/// A folder with an old model in it.
class ModelPlace {
 public:
  ModelPlace() {
    std::filesystem::create_directory(place_ / "out");
    EXPECT_EQ(run(place_, {"train", "--dataset=toy", "--epochs=1", "--out=out/m"}).exit, 0);
    old_ = place_.read("out/m");
  }
  ~ModelPlace() {
    if (mounted_) ::umount2((place_ / "small").c_str(), MNT_DETACH);
  }

  const Place& place() const { return place_; }
  bool is_old(const std::string& name = "out/m") const { return place_.read(name) == old_; }
  /// A file system of 64 KiB; false where that cannot be made.
  bool small() {
    std::filesystem::create_directory(place_ / "small");
    mounted_ = ::mount("none", (place_ / "small").c_str(), "tmpfs", 0, "size=64k") == 0;
    return mounted_;
  }
  void fill_small() const { place_.write("small/rest", std::string(100'000, 'x')); }

 private:
  Place place_;
  std::string old_;
  bool mounted_ = false;
};

void expect_refused(const ModelPlace& old, const std::string& out, const std::string& evidence,
                    const std::vector<std::string>& under = {}) {
  const auto outcome =
      run(old.place(), {"train", "--dataset=toy", "--out=" + out}, {.under = under});
  expect_failure(outcome, 73, out + " cannot be written. [MN-P05]");
  EXPECT_TRUE(contains(outcome.err, "evidence: " + evidence));
  EXPECT_TRUE(contains(outcome.err, "remedy: "));
  EXPECT_EQ(count_of(outcome.err, "epoch 1/"), 0U) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(old.is_old());
}

TEST(PlaceBefore, ReadOnlyFile) {
  const ModelPlace old;
  ASSERT_EQ(::chmod((old.place() / "out/m").c_str(), 0444), 0);
  expect_refused(old, "out/m", "access: Permission denied (errno 13)", as_ordinary_user());
}

TEST(PlaceBefore, LinkIntoAClosedFolder) {
  const ModelPlace old;
  std::filesystem::create_symlink("out/m", old.place() / "link");
  ASSERT_EQ(::chmod((old.place() / "out").c_str(), 0555), 0);
  expect_refused(old, "link", "open: Permission denied (errno 13); it is a link to out/m",
                 as_ordinary_user());
  ::chmod((old.place() / "out").c_str(), 0755);
}

TEST(PlaceBefore, AnothersFileInAStickyFolder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can make another's file";
  const ModelPlace old;
  for (const char* name : {"out/m", "out"}) {
    ASSERT_EQ(::chown((old.place() / name).c_str(), 65534, 65534), 0);
  }
  ::chmod((old.place() / "out/m").c_str(), 0666);
  ::chmod((old.place() / "out").c_str(), 01777);
  expect_refused(old, "out/m", "rename: Operation not permitted (errno 1)", as_ordinary_user());
}

TEST(PlaceBefore, NamesThatCannotBe) {
  const ModelPlace old;
  expect_refused(old, std::string(256, 'n'), "rename: File name too long (errno 36)");
  expect_refused(old, "out", "open: Is a directory (errno 21)");
  expect_refused(old, "out/m/m", "open: Not a directory (errno 20)");
  ASSERT_EQ(::mkfifo((old.place() / "pipe").c_str(), 0666), 0);
  expect_refused(old, "pipe", "it is no regular file");
  const std::string longest(255, 'n');
  EXPECT_EQ(run(old.place(), {"train", "--dataset=toy", "--out=" + longest}).exit, 0);
  EXPECT_EQ(load_model(old.place() / longest).parameter_count(), 121);
}

TEST(PlaceBefore, NoRoom) {
  const ModelPlace old;
  expect_refused(old, "out/m", "limit on file size of 1024 bytes: File too large (errno 27); ",
                 {"prlimit", "--fsize=1024"});
  EXPECT_TRUE(old.is_old());
}

TEST(PlaceBefore, AFullDisk) {
  ModelPlace old;
  if (!old.small()) GTEST_SKIP() << "this user cannot mount a file system";
  std::filesystem::copy_file(old.place() / "out/m", old.place() / "small/m");
  old.fill_small();
  expect_refused(old, "small/new", "fallocate: No space left on device (errno 28); ");
  expect_refused(old, "small/m", "fallocate: No space left on device (errno 28); ");
  EXPECT_TRUE(old.is_old("small/m"));
}

// The folders that runs are in are tried, too.
TEST(PlaceBefore, RunsThatCannotHoldAModelGo) {
  const Place place;
  const auto outcome =
      run(place, {"train", "--dataset=toy"}, {.under = {"prlimit", "--fsize=1024"}});
  expect_failure(outcome, 73, "runs/toy-0001/model.safetensors cannot be written. [MN-P05]");
  EXPECT_TRUE(place.empty());
}

TEST(PlaceBefore, TablesAreTriedAsModelsAre) {
  const ModelPlace old;
  ASSERT_EQ(::chmod((old.place() / "out/m").c_str(), 0444), 0);
  std::filesystem::create_symlink("out/m", old.place() / "link.csv");
  old.place().write("x.csv", "1,2,3,4,5,6,7,8,9,10\n");
  for (const auto& arguments :
       {std::vector<std::string>{"predict", "--model=out/m", "--x=x.csv", "--out=link.csv"},
        {"bench", "--compare=cpu,cpu", "--csv=link.csv"}}) {
    const auto outcome = run(old.place(), arguments, {.under = as_ordinary_user()});
    expect_failure(outcome, 73, "link.csv cannot be written. [MN-P05]");
  }
  ::chmod((old.place() / "out/m").c_str(), 0644);
  EXPECT_EQ(run(old.place(), {"predict", "--model=out/m", "--x=x.csv", "--out=link.csv"}).exit, 0);
  EXPECT_TRUE(std::filesystem::is_symlink(old.place() / "link.csv"));
  EXPECT_EQ(lines_of(old.place().read("out/m")).size(), 1U);
}

// Training that goes on until it is interrupted, or ends by itself after about a second.
std::vector<std::string> long_run(const std::string& out, bool endless) {
  return {"train",        "--dataset=friedman1",
          "--json",       "--layers=128,relu,1",
          "--out=" + out, endless ? "--epochs=1000000" : "--epochs=800"};
}

/// What is in a new folder "minnow-XXXXXX" of `folder`, relative to `place`.
std::string second_place(const Place& place, const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(place / folder)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("minnow-")) continue;
    return (folder == "." ? "" : folder + "/") + name + "/model.safetensors";
  }
  return "no second place";
}

/// The model is whole at `path`; the message says so and how to move it.
void expect_kept(const Place& place, const Outcome& outcome, int exit, const std::string& path,
                 const std::string& out) {
  EXPECT_EQ(outcome.exit, exit) << outcome.err;
  EXPECT_TRUE(contains(outcome.err, "the model is saved in " + path + "\n"));
  EXPECT_TRUE(
      contains(outcome.err, "remedy:   when that can be written: mv " + path + " " + out + "\n"));
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["exit"], exit);
  EXPECT_EQ(run_object["out"], path);
  EXPECT_EQ(run_object["files"], nlohmann::json::array({path}));
  const bool absolute = path.starts_with('/');
  EXPECT_EQ(load_model(absolute ? path : place / path).outputs(), 1);
}

TEST(PlaceAfter, AFolderThatWentIsNamedAndTheModelKeptHere) {
  for (const bool interrupted : {true, false}) {
    const Place place;
    std::filesystem::create_directory(place / "out");
    Process process(place, long_run("out/m", interrupted), {});
    process.wait_for_lines(1);
    std::filesystem::remove(place / "out");
    if (interrupted) process.send(SIGINT);
    const auto outcome = process.finish();
    expect_failure(outcome, 73, "out/m cannot be written. [MN-P05]");
    expect_kept(place, outcome, 73, second_place(place, "."), "out/m");
    EXPECT_EQ(run_of(outcome)["error"]["code"], "MN-P05");
    EXPECT_EQ(count_of(outcome.err, "minnow: interrupted at epoch "), interrupted ? 1U : 0U);
  }
}

TEST(PlaceAfter, ANameThatBecameAFolderHasTheModelBesideIt) {
  const Place place;
  std::filesystem::create_directory(place / "it's");
  Process process(place, long_run("it's/m", true), {});
  process.wait_for_lines(1);
  std::filesystem::create_directory(place / "it's/m");
  process.send(SIGTERM);
  const auto outcome = process.finish();
  const std::string path = second_place(place, "it's");
  EXPECT_TRUE(contains(outcome.err, "open: Is a directory (errno 21)"));
  EXPECT_EQ(outcome.exit, 73);
  EXPECT_TRUE(contains(outcome.err, "mv 'it'\\''s" + path.substr(4) + "' 'it'\\''s/m'\n"));
  EXPECT_EQ(load_model(place / path).outputs(), 1);
}

TEST(PlaceAfter, TheFolderOfARunStaysForItsModel) {
  const Place place;
  auto arguments = long_run("", true);
  std::erase(arguments, "--out=");
  Process process(place, arguments, {});
  process.wait_for_lines(1);
  const std::string out = "runs/friedman1-0001/model.safetensors";
  std::filesystem::create_directory(place / out);
  process.send(SIGINT);
  const auto outcome = process.finish();
  expect_kept(place, outcome, 73, second_place(place, "runs/friedman1-0001"), out);
}

TEST(PlaceAfter, TemporaryFolderWhereNothingElseIs) {
  const Place temporary;
  std::string here;
  Outcome outcome;
  {
    const Place place;
    here = place.path();
    std::filesystem::create_directory(place / "out");
    Process process(place, long_run("out/m", true),
                    {.under = {"env", "TMPDIR=" + temporary.path()}});
    process.wait_for_lines(1);
    std::filesystem::remove_all(here);  // its working directory
    process.send(SIGINT);
    outcome = process.finish();
  }
  const std::string path = temporary.path() + "/" + second_place(temporary, ".");
  expect_kept(temporary, outcome, 73, path, "out/m");
}

TEST(PlaceAfter, NoRoomAnywhereIsSaidOfEachPlace) {
  const ModelPlace old;
  Process process(old.place(), long_run("out/m", true), {});
  process.wait_for_lines(1);
  struct rlimit limit {};
  limit.rlim_cur = limit.rlim_max = 1000;
  ASSERT_EQ(::prlimit(process.pid(), RLIMIT_FSIZE, &limit, nullptr), 0);
  process.send(SIGINT);
  const auto outcome = process.finish();
  expect_failure(outcome, 74, "out/m was not written. [MN-P01]");
  const std::string why = "limit on file size of 1000 bytes: File too large (errno 27); ";
  EXPECT_EQ(count_of(outcome.err, why), 1U + count_of(outcome.err, "; in "));
  EXPECT_GE(count_of(outcome.err, "; in "), 4U);
  EXPECT_TRUE(contains(outcome.err, "; in .: " + why));
  EXPECT_TRUE(contains(outcome.err, "; in /dev/shm: "));
  EXPECT_TRUE(contains(outcome.err,
                       "effect:   the file that was there is unchanged; the model is lost: it "
                       "could be saved nowhere else either\n"));
  EXPECT_TRUE(contains(outcome.err, "effect:   nothing was saved\n"));  // of the interruption
  EXPECT_TRUE(run_of(outcome)["out"].is_null());
  EXPECT_TRUE(old.is_old());
  EXPECT_EQ(second_place(old.place(), "."), "no second place");
  EXPECT_EQ(second_place(old.place(), "out"), "no second place");
}

TEST(PlaceAfter, ADiskThatFilledUp) {
  ModelPlace old;
  if (!old.small()) GTEST_SKIP() << "this user cannot mount a file system";
  std::filesystem::copy_file(old.place() / "out/m", old.place() / "small/m");
  Process process(old.place(), long_run("small/m", true), {});
  process.wait_for_lines(1);
  old.fill_small();
  process.send(SIGINT);
  const auto outcome = process.finish();
  expect_failure(outcome, 74, "small/m was not written. [MN-P01]");
  EXPECT_TRUE(contains(outcome.err, "write: No space left on device (errno 28); "));
  expect_kept(old.place(), outcome, 74, second_place(old.place(), "."), "small/m");
  EXPECT_TRUE(old.is_old("small/m"));
  EXPECT_EQ(second_place(old.place(), "small"), "no second place");
}

// Just above the learning rate that converges: the loss overflows after some 40,000 steps.
const std::vector<std::string> kDiverging = {
    "train",      "--dataset=friedman1", "--optimizer=sgd", "--lr=0.28205", "--batch=500",
    "--layers=1", "--epochs=1000000",    "--json",          "--out=out/m"};

TEST(PlaceAfter, WhatEndedTheTrainingIsNotHiddenByItsPlace) {
  const Place place;
  std::filesystem::create_directory(place / "out");
  Process process(place, kDiverging, {});
  process.wait_for_lines(1);
  std::filesystem::remove(place / "out");
  const auto outcome = process.finish();
  EXPECT_EQ(outcome.exit, 65);
  const std::string path = second_place(place, ".");
  EXPECT_TRUE(contains(outcome.err, "out/m cannot be written. [MN-P05]"));
  EXPECT_TRUE(contains(outcome.err, "training became not finite at step "));
  EXPECT_TRUE(contains(outcome.err, ", the last good ones; saved in " + path + "\n"));
  const auto run_object = run_of(outcome);
  EXPECT_EQ(run_object["error"]["code"], "MN-N05");
  EXPECT_EQ(run_object["notices"].back()["code"], "MN-P05");
  EXPECT_EQ(run_object["out"], path);
  EXPECT_EQ(load_model(place / path).parameter_count(), 11);
}

// Whatever the weights are by then, a file is one that predict takes.
TEST(PlaceAfter, ATrainingThatDivergesLeavesAGoodModel) {
  for (const char* rate : {"--lr=1e6", "--lr=1e8"}) {
    const ModelPlace old;
    const auto outcome = run(old.place(), {"train", "--dataset=toy", rate, "--out=out/m"});
    EXPECT_EQ(outcome.exit, 65) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, "[MN-N05]"));
    EXPECT_EQ(load_model(old.place() / "out/m").parameter_count(), 121);
    const bool saved = count_of(outcome.err, "saved in out/m") == 1;
    EXPECT_NE(saved, old.is_old());
  }
}

}  // namespace
}  // namespace minnow::test
