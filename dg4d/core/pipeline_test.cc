#include "dg4d/core/pipeline.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>

#include <filesystem>
#include <stdexcept>

#include "dg4d/base/files.h"
#include "dg4d/base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Image Grey(double value) { return {at::full({2, 2, 3}, value)}; }

// Writes a reference of one drawn grey.
class Draw : public Stage {
 public:
  struct Options {
    double factor = 1;
    template <typename V>
    void Visit(V& v) {
      v("factor", factor, "Scales the grey.");
    }
  };
  explicit Draw(Options options) : options_(options) {}
  StageContract Contract() const override {
    return {.writes = {Slot::kReference}};
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override {
    scene.reference =
        Grey(options_.factor * UniformNumber(0, 1, context.generator()));
    return absl::OkStatus();
  }
  Options options_;
};

// Appends a frame a step; each depends on the one before and on a draw.
class Film : public Stage {
 public:
  struct Options {
    int steps = 6;
    int stop_at = -1;   // stops the run after this step
    int throw_at = -1;  // throws in this step
    template <typename V>
    void Visit(V& v) {
      v("steps", steps, "Frames.");
      v("stop_at", stop_at, "For the test.");
      v("throw_at", throw_at, "For the test.");
    }
  };
  explicit Film(Options options) : options_(options) {}
  StageContract Contract() const override {
    return {.reads = {Slot::kReference}, .writes = {Slot::kVideo}};
  }

 protected:
  absl::Status DoRun(RunContext& context, Scene& scene) override {
    int64_t step = 0;
    at::Tensor frames = scene.reference.pixels.unsqueeze(0);
    auto visit = [&](StateArchive& archive) {
      archive("step", step);
      archive("frames", frames);
      archive("generator", context.generator());
    };
    if (absl::Status status = context.Restore(visit); !status.ok()) {
      return status;
    }
    while (step < options_.steps) {
      if (step == options_.throw_at) throw std::runtime_error("broken");
      frames = frames * 0.9 + 0.1 * UniformNumber(0, 1, context.generator());
      ++step;
      ++steps_taken;
      if (step == options_.stop_at) {
        context.settings().control->state = RunControl::kStop;
      }
      if (absl::Status status =
              context.EndStep(step, options_.steps,
                              {{"grey", frames.mean().item<double>()}}, visit);
          !status.ok()) {
        return status;
      }
    }
    scene.video.frames = {{frames[0]}};
    return absl::OkStatus();
  }
  Options options_;

 public:
  static inline int steps_taken = 0;
};

// Promises and does not keep.
class Liar : public Stage {
 public:
  using Options = NoOptions;
  explicit Liar(Options) {}
  StageContract Contract() const override {
    return {.writes = {Slot::kMeshes}};
  }

 protected:
  absl::Status DoRun(RunContext&, Scene&) override { return absl::OkStatus(); }
};

// Lacks something that no stage writes.
class Needy : public Liar {
 public:
  explicit Needy(Options options) : Liar(options) {}
  absl::Status CheckReady(const RunContext&) const override {
    return absl::NotFoundError("nothing to eat\nfeed it");
  }
};

class TextExporter : public Exporter {
 public:
  struct Options {
    std::string text = "hello";
    template <typename V>
    void Visit(V& v) {
      v("text", text, "What to write.");
    }
  };
  explicit TextExporter(Options options) : options_(options) {}
  std::vector<Slot> Reads() const override { return {Slot::kVideo}; }
  std::string DefaultPath() const override { return "asset.txt"; }

 protected:
  absl::Status DoExport(const Scene&, const std::string& path,
                        RunContext&) override {
    return WriteFileAtomically(path, options_.text);
  }
  Options options_;
};

// Takes one of two slots.
class EitherExporter : public Exporter {
 public:
  using Options = NoOptions;
  explicit EitherExporter(Options) {}
  std::vector<Slot> Reads() const override { return {}; }
  std::string DefaultPath() const override { return "either.txt"; }

 protected:
  absl::Status DoExport(const Scene& scene, const std::string& path,
                        RunContext&) override {
    if (!HasSlot(scene, Slot::kVideo) && !HasSlot(scene, Slot::kMeshes)) {
      return absl::FailedPreconditionError("neither of the two");
    }
    return WriteFileAtomically(path, "one of the two");
  }
};

class Recorder : public RunObserver {
 public:
  void StageStarted(absl::string_view stage) override {
    events.push_back(absl::StrCat("start ", stage));
  }
  void Step(absl::string_view, int64_t done, int64_t steps,
            const Metrics& metrics) override {
    EXPECT_EQ(metrics.size(), 1u);
    last_step = absl::StrCat(done, "/", steps);
  }
  void Warning(absl::string_view, absl::string_view message) override {
    warnings.emplace_back(message);
  }
  void StageFinished(absl::string_view stage, const absl::Status& status,
                     absl::Duration, const Scene&) override {
    events.push_back(absl::StrCat("end ", stage, " ",
                                  absl::StatusCodeToString(status.code())));
  }
  std::vector<std::string> events, warnings;
  std::string last_step;
};

class PipelineTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/" +
                 testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    Film::steps_taken = 0;
  }

  static ConfigNode Yaml(const std::string& text) {
    return *ParseYaml(text, "f.yaml");
  }
  static std::string ErrorOf(const std::string& yaml) {
    const absl::Status status = Pipeline::Create(Yaml(yaml)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  absl::Status Run(const std::string& yaml, RunContext::Settings settings,
                   const Pipeline::Range& range = {}) {
    scene_ = Scene();
    control_.state = RunControl::kRun;
    settings.output_directory = directory_;
    settings.control = &control_;
    settings.observers = {&recorder_};
    RunContext context(settings);
    return Pipeline::Create(Yaml(yaml))->Run(scene_, context, range);
  }
  float Result() const {
    return scene_.video.frames.at(0).pixels.mean().item<float>();
  }

  const ScopedRegistration<Stage, Draw> draw_{"draw"};
  const ScopedRegistration<Stage, Film> film_{"film"};
  const ScopedRegistration<Stage, Liar> liar_{"liar"};
  const ScopedRegistration<Stage, Needy> needy_{"needy"};
  const ScopedRegistration<Exporter, TextExporter> text_{"text"};
  std::string directory_;
  Scene scene_;
  RunControl control_;
  Recorder recorder_;
};

TEST_F(PipelineTest, ReportsAllErrorsBeforeAnythingRuns) {
  const std::string message = ErrorOf(
      "stages:\n"
      "  film: {stpes: 3}\n"
      "  second: {plugin: flim}\n"
      "exporters:\n"
      "  txet: {}\n"
      "stagse: {}\n");
  EXPECT_THAT(message, HasSubstr("f.yaml:2: unknown option 'stpes' (did you "
                                 "mean 'steps'?)"));
  EXPECT_THAT(message, HasSubstr("f.yaml:3: no stage named 'flim' (did you "
                                 "mean 'film'?)"));
  EXPECT_THAT(message, HasSubstr("f.yaml:5: no exporter named 'txet'"));
  EXPECT_THAT(message, HasSubstr("unknown key 'stagse'"));
}

TEST_F(PipelineTest, NamesTheStageThatWouldWriteWhatIsMissing) {
  EXPECT_THAT(ErrorOf("stages:\n  film: {}\n"),
              HasSubstr("f.yaml:2: stage 'film' needs 'reference', which no "
                        "earlier stage writes; add draw before it"));
  EXPECT_TRUE(
      Pipeline::Create(Yaml("stages: {film: {}}"), {Slot::kReference}).ok());
}

TEST_F(PipelineTest, NeedsStages) {
  EXPECT_THAT(ErrorOf("exporters: {}\n"), HasSubstr("there are no stages"));
  EXPECT_THAT(ErrorOf("stages: [draw]\n"), HasSubstr("f.yaml:1: expected"));
}

TEST_F(PipelineTest, ResolvedConfigurationGivesTheSameResult) {
  const std::string yaml =
      "stages: {draw: {}, one: {plugin: film, steps: 2}}\n"
      "exporters: {text: {path: a.txt}}\n";
  const auto pipeline = Pipeline::Create(Yaml(yaml));
  ASSERT_TRUE(pipeline.ok()) << pipeline.status();
  EXPECT_EQ(
      ToYaml(pipeline->resolved()),
      "seed: 0\nstages:\n  draw:\n    factor: 1\n  one:\n    plugin: film\n"
      "    steps: 2\n    stop_at: -1\n    throw_at: -1\n"
      "exporters:\n  text:\n    path: a.txt\n    text: hello\n");
  ASSERT_TRUE(Run(yaml, {}).ok());
  const float once = Result();
  ASSERT_TRUE(Run(ToYaml(pipeline->resolved()), {}).ok());
  EXPECT_EQ(Result(), once);
  const auto named = Pipeline::Create(Yaml("{stages: {draw: {}}, name: cat}"));
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_THAT(ToYaml(named->resolved()), HasSubstr("name: cat\nseed: 0\n"));
}

TEST_F(PipelineTest, AsksAllStagesWhetherTheyAreReadyBeforeTheFirstRuns) {
  const std::string yaml =
      "stages: {draw: {}, a: {plugin: needy}, b: {plugin: needy}}";
  EXPECT_EQ(Run(yaml, {}).message(),
            "stage 'a': nothing to eat\nstage 'b': nothing to eat\nfeed it");
  EXPECT_TRUE(recorder_.events.empty());
  // Only of those that will run.
  EXPECT_TRUE(Run(yaml, {}, {.until = "draw"}).ok());
}

TEST_F(PipelineTest, TellsObserversWhatHappens) {
  ASSERT_TRUE(Run("stages: {draw: {}, film: {}}", {}).ok());
  EXPECT_THAT(recorder_.events, ElementsAre("start draw", "end draw OK",
                                            "start film", "end film OK"));
  EXPECT_EQ(recorder_.last_step, "6/6");
}

TEST_F(PipelineTest, AddingAStageDoesNotMoveTheOthersNumbers) {
  ASSERT_TRUE(Run("stages: {draw: {}, film: {}}", {}).ok());
  const float without = Result();
  ASSERT_TRUE(
      Run("stages: {first: {plugin: draw}, draw: {}, film: {}}", {}).ok());
  EXPECT_EQ(Result(), without);
  ASSERT_TRUE(Run("stages: {draw: {}, film: {}}", {.seed = 1}).ok());
  EXPECT_NE(Result(), without);
}

TEST_F(PipelineTest, ResumesAStoppedStageToTheSameResult) {
  ASSERT_TRUE(Run("stages: {draw: {}, film: {}}", {}).ok());
  const float whole = Result();
  std::filesystem::remove_all(directory_);
  // stop_at belongs to the options: both runs must have the same.
  const std::string yaml = "stages: {draw: {}, film: {stop_at: 4}}";
  EXPECT_EQ(Run(yaml, {}).code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(std::filesystem::exists(ProgressPath(directory_, "film")));
  Film::steps_taken = 0;
  ASSERT_TRUE(Run(yaml, {.resume = true}).ok());
  EXPECT_EQ(Film::steps_taken, 2);
  EXPECT_EQ(Result(), whole);
  EXPECT_FALSE(std::filesystem::exists(ProgressPath(directory_, "film")));
}

TEST_F(PipelineTest, WritesCheckpointsWhileItRuns) {
  EXPECT_EQ(
      Run("stages: {draw: {}, film: {throw_at: 5}}", {.checkpoint_every = 2})
          .message(),
      "stage 'film': broken");
  Film::steps_taken = 0;
  EXPECT_FALSE(Run("stages: {draw: {}, film: {throw_at: 5}}",
                   {.checkpoint_every = 2, .resume = true})
                   .ok());
  EXPECT_EQ(Film::steps_taken, 1);  // it went on from step 4
}

TEST_F(PipelineTest, ReadsFinishedStagesInsteadOfRunningThem) {
  const std::string yaml = "stages: {draw: {}, film: {}}";
  ASSERT_TRUE(Run(yaml, {}).ok());
  const float whole = Result();
  recorder_.events.clear();
  ASSERT_TRUE(Run(yaml, {.resume = true}).ok());
  EXPECT_TRUE(recorder_.events.empty());
  EXPECT_EQ(Result(), whole);
}

TEST_F(PipelineTest, RunsAgainWhatOtherSettingsMade) {
  ASSERT_TRUE(Run("stages: {draw: {}, film: {}}", {}).ok());
  recorder_.events.clear();
  ASSERT_TRUE(
      Run("stages: {draw: {}, film: {steps: 7}}", {.resume = true}).ok());
  EXPECT_THAT(recorder_.events, ElementsAre("start film", "end film OK"));
  EXPECT_THAT(recorder_.warnings.at(0), HasSubstr("other settings"));
  recorder_.events.clear();
  ASSERT_TRUE(
      Run("stages: {draw: {factor: 0.5}, film: {steps: 7}}", {.resume = true})
          .ok());
  EXPECT_EQ(recorder_.events.size(), 4u);
}

TEST_F(PipelineTest, StartsFromAndStopsAtNamedStages) {
  const std::string yaml = "stages: {draw: {}, film: {}}";
  ASSERT_TRUE(Run(yaml, {}, {.until = "draw"}).ok());
  EXPECT_FALSE(HasSlot(scene_, Slot::kVideo));
  recorder_.events.clear();
  ASSERT_TRUE(Run(yaml, {}, {.from = "film"}).ok());
  EXPECT_THAT(recorder_.events, ElementsAre("start film", "end film OK"));
  EXPECT_TRUE(HasSlot(scene_, Slot::kVideo));
}

TEST_F(PipelineTest, ExplainsWhyItCannotStart) {
  const std::string yaml = "stages: {draw: {}, film: {}}";
  EXPECT_THAT(std::string(Run(yaml, {}, {.from = "film"}).message()),
              HasSubstr("has no result of stage 'draw'; run that first"));
  EXPECT_THAT(std::string(Run(yaml, {}, {.from = "flim"}).message()),
              HasSubstr("no stage 'flim' in the line (did you mean 'film'?)"));
  EXPECT_THAT(
      std::string(Run(yaml, {}, {.from = "film", .until = "draw"}).message()),
      HasSubstr("nothing to run"));
}

TEST_F(PipelineTest, NeedsNoPluginsOutsideItsPartOfTheLine) {
  const ConfigNode config = Yaml(
      "stages: {before: {size: 3}, film: {}, after: {}}\n"
      "exporters: {elsewhere: {path: a, depth: 2}, text: {}}\n");
  const auto create = [&](const Pipeline::Range& range) {
    return Pipeline::Create(config, {}, range);
  };
  const auto film = create({.from = "film", .until = "film"});
  ASSERT_TRUE(film.ok()) << film.status();
  const std::string resolved = ToYaml(film->resolved());
  for (const char* kept : {"size: 3", "steps: 6", "depth: 2"}) {
    EXPECT_THAT(resolved, HasSubstr(kept));
  }
  EXPECT_THAT(std::string(create({.until = "film"}).status().message()),
              HasSubstr("no stage named 'before'"));
  EXPECT_THAT(std::string(create({.from = "film"}).status().message()),
              HasSubstr("no stage named 'after'"));
  EXPECT_THAT(std::string(create({}).status().message()),
              HasSubstr("no exporter named 'elsewhere'"));

  RunContext context({.observers = {&recorder_}});
  Scene scene;
  scene.reference = Grey(0.5);
  ASSERT_TRUE(film->Export(scene, testing::TempDir(), context).ok());
  EXPECT_THAT(recorder_.warnings,
              Contains(HasSubstr("has no exporter for 'elsewhere'")));
}

TEST_F(PipelineTest, HoldsStagesToTheirContract) {
  EXPECT_THAT(std::string(Run("stages: {liar: {}}", {}).message()),
              HasSubstr("stage 'liar': promised to write 'meshes'"));
}

TEST_F(PipelineTest, ExportsWhatTheSceneHas) {
  const auto pipeline = Pipeline::Create(
      Yaml("stages: {draw: {}}\nexporters: {text: {text: bye}}\n"));
  RunContext context({.observers = {&recorder_}});
  Scene scene;
  ASSERT_TRUE(pipeline->Export(scene, directory_, context).ok());
  EXPECT_THAT(recorder_.warnings.at(0), HasSubstr("has made no video"));
  scene.video.frames = {Grey(0.5)};
  ASSERT_TRUE(pipeline->Export(scene, directory_, context).ok());
  EXPECT_EQ(ReadFile(directory_ + "/asset.txt").value(), "bye");
}

TEST_F(PipelineTest, PassesOverExportersForWhichTheSceneHasNothing) {
  ScopedRegistration<Exporter, EitherExporter> either("either");
  const auto pipeline =
      Pipeline::Create(Yaml("stages: {draw: {}}\nexporters: {either: {}}\n"));
  RunContext context({.observers = {&recorder_}});
  Scene scene;
  ASSERT_TRUE(pipeline->Export(scene, directory_, context).ok());
  EXPECT_THAT(recorder_.warnings, Contains(HasSubstr("neither of the two")));
  scene.gaussians.means = at::full({3, 3}, 0.0);
  EXPECT_FALSE(pipeline->Export(scene, directory_, context).ok());
  scene.video.frames = {Grey(0.5)};
  ASSERT_TRUE(pipeline->Export(scene, directory_, context).ok());
  EXPECT_EQ(ReadFile(directory_ + "/either.txt").value(), "one of the two");
}

TEST_F(PipelineTest, LoadsWhatARunHasMade) {
  Scene scene;
  EXPECT_EQ(LoadStageCheckpoints(directory_, {"draw", "film"}, scene).code(),
            absl::StatusCode::kNotFound);
  ASSERT_TRUE(Run("stages: {draw: {}, film: {}}", {}).ok());
  ASSERT_TRUE(LoadStageCheckpoints(directory_, {"draw", "film"}, scene).ok());
  EXPECT_TRUE(
      scene.video.frames[0].pixels.equal(scene_.video.frames[0].pixels));
}

TEST_F(PipelineTest, RefusesADamagedCheckpoint) {
  const std::string yaml = "stages: {draw: {}, film: {}}";
  ASSERT_TRUE(Run(yaml, {}).ok());
  ASSERT_TRUE(WriteFileAtomically(ResultPath(directory_, "draw"), "x").ok());
  EXPECT_EQ(Run(yaml, {.resume = true}).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace dg4d
