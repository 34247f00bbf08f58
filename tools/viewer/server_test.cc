#include "tools/viewer/server.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "dg4d/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/viewer/protocol.h"
#include "tools/viewer/raw_client.h"

namespace dg4d::viewer {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ViewerServerTest : public testing::Test {
 protected:
  ViewerServerTest() {
    hub_.Set("hello", {{"type", "hello"}});
    Start(absl::Seconds(20));
  }

  void Start(absl::Duration patience) {
    server_.reset();
    server_ =
        ViewerServer::Start(
            hub_, {.port = 0,
                   .page = "<script nonce=\"{{nonce}}\"></script>",
                   .command = [this](const std::string& text) -> absl::Status {
                     if (text == "good") return absl::OkStatus();
                     return absl::InvalidArgumentError(
                         absl::StrCat("what is ", text.size(), "?"));
                   },
                   .most_connections = 8,
                   .patience = patience})
            .value();
    port_ = server_->port();
    query_ = server_->url().substr(server_->url().find('?'));
  }

  // All that the server answers to `request`.
  std::string Ask(const std::string& request) const {
    RawClient client(port_);
    client.Send(request);
    return client.ReadAll();
  }
  int Status(const std::string& request) const {
    const std::string answer = Ask(request);
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
  }
  // Whether pages are still served as they should be.
  void ExpectWell() {
    EXPECT_EQ(Status(RawClient::Get("/" + query_)), 200);
    RawClient page(port_);
    EXPECT_EQ(page.Upgrade("/socket" + query_), 101);
    EXPECT_EQ(page.ReadMessage(), R"({"type":"hello"})");
  }
  void WaitForPages(int count) const {
    const absl::Time until = absl::Now() + absl::Seconds(20);
    while (hub_.pages != count && absl::Now() < until) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    EXPECT_EQ(hub_.pages, count);
  }

  Hub hub_;
  std::unique_ptr<ViewerServer> server_;
  int port_ = 0;
  std::string query_;
};

TEST_F(ViewerServerTest, GivesThePageToWhoKnowsTheToken) {
  const std::string answer = Ask(RawClient::Get("/" + query_));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store\r\n"));
  EXPECT_THAT(answer, HasSubstr("Referrer-Policy: no-referrer\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("Access-Control")));
  const size_t begin = answer.find("<script nonce=\"") + 15;
  const std::string nonce = answer.substr(begin, 32);
  EXPECT_THAT(answer, HasSubstr(absl::StrCat("script-src 'nonce-", nonce)));
  EXPECT_THAT(answer, HasSubstr("default-src 'none'"));
  EXPECT_THAT(Ask(RawClient::Get("/" + query_)), Not(HasSubstr(nonce)));
}

TEST_F(ViewerServerTest, MakesATokenOf128BitsForEachServer) {
  EXPECT_EQ(query_.size(), std::string("?token=").size() + 32);
  const std::string before = query_;
  Start(absl::Seconds(20));
  EXPECT_NE(query_, before);
}

TEST_F(ViewerServerTest, RefusesWhoDoesNotKnowTheToken) {
  hub_.SetFile("a.png",
               {.bytes = std::make_shared<const std::string>("a picture")});
  std::string wrong = query_;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  for (const std::string path : {"/", "/file/a.png", "/socket", "/nothing"}) {
    for (const std::string& query :
         {std::string(), std::string("?token="), wrong, query_ + "0",
          query_.substr(0, query_.size() - 1), "?x" + query_.substr(1)}) {
      EXPECT_EQ(Status(RawClient::Get(path + query)), 403) << path << query;
    }
  }
  RawClient client(port_);
  EXPECT_EQ(client.Upgrade("/socket" + wrong), 403);
}

TEST_F(ViewerServerTest, RefusesNamesThatWereMadeToLeadHere) {
  const std::string get = absl::StrCat("GET /", query_, " HTTP/1.1\r\n");
  for (const std::string host :
       {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
        "127.0.0.1:80:80", "127.0.0.1:x", "evil.example:127", "127.0.0.10"}) {
    EXPECT_EQ(Status(absl::StrCat(get, "Host: ", host, "\r\n\r\n")), 403)
        << host;
  }
  EXPECT_EQ(Status(get + "\r\n"), 403);
  EXPECT_EQ(Status(get + "Host: 127.0.0.1\r\nHost: evil.example\r\n\r\n"), 403);
  EXPECT_EQ(Status(get + "Host: localhost:9000\r\n\r\n"), 200);
}

TEST_F(ViewerServerTest, RefusesPagesOfOtherSites) {
  for (const std::string origin :
       {"https://evil.example", "null", "http://127.0.0.1:1",
        "http://127.0.0.1.evil.example", "https://127.0.0.1"}) {
    RawClient client(port_);
    EXPECT_EQ(client.Upgrade("/socket" + query_,
                             absl::StrCat("Origin: ", origin, "\r\n")),
              403)
        << origin;
  }
  RawClient client(port_);
  EXPECT_EQ(client.Upgrade("/socket" + query_, "Origin: http://127.0.0.1\r\n"),
            101);
}

TEST_F(ViewerServerTest, ServesFilesOfItsTableAndNoPaths) {
  const std::string secret = testing::TempDir() + "/secret.txt";
  ASSERT_TRUE(WriteFileAtomically(secret, "a secret").ok());
  hub_.SetFile("a.glb", {.path = secret, .download = true});
  hub_.SetFile("gone.glb", {.path = secret + ".gone", .download = true});
  const std::string answer = Ask(RawClient::Get("/file/a.glb" + query_));
  EXPECT_THAT(answer, HasSubstr("\r\n\r\na secret"));
  EXPECT_THAT(answer, HasSubstr("attachment; filename=\"a.glb\""));
  EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: sandbox"));
  for (const std::string& path :
       {std::string("/file/gone.glb"), absl::StrCat("/file/", secret),
        absl::StrCat("/file/..", secret), std::string("/file/../file/a.glb"),
        std::string("/file/%2e%2e/a.glb"), std::string("/file/a.glb/.."),
        std::string("/file/a.glb%00"), std::string("/../etc/passwd"),
        std::string("/etc/passwd"), std::string("//etc/passwd"),
        std::string("/file/"), std::string("/file"), secret}) {
    const std::string refused = Ask(RawClient::Get(path + query_));
    EXPECT_THAT(refused, StartsWith("HTTP/1.1 404")) << path;
    EXPECT_THAT(refused, Not(HasSubstr("a secret"))) << path;
  }
}

TEST_F(ViewerServerTest, RefusesWhatIsNoGet) {
  const std::string rest =
      absl::StrCat(" /", query_, " HTTP/1.1\r\nHost: 127.0.0.1\r\n");
  EXPECT_EQ(Status("DELETE" + rest + "\r\n"), 405);
  EXPECT_EQ(Status("CONNECT" + rest + "\r\n"), 405);
  EXPECT_EQ(Status("POST" + rest + "Content-Length: 4\r\n\r\nabcd"), 400);
  EXPECT_EQ(Status("GET" + rest + "Content-Length: 99999999999\r\n\r\n"), 400);
  EXPECT_EQ(
      Status("POST" + rest + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd"),
      400);
  EXPECT_EQ(Status("\x16\x03\x01 no HTTP\r\n\r\n"), 400);
  EXPECT_EQ(Status("GET" + rest + "no colon\r\n\r\n"), 400);
  EXPECT_EQ(Status(RawClient::Get("/socket" + query_)), 426);
  ExpectWell();
}

TEST_F(ViewerServerTest, RefusesHeadsThatAreTooLong) {
  EXPECT_EQ(
      Status(RawClient::Get(
          "/" + query_, absl::StrCat("A: ", std::string(20000, 'a'), "\r\n"))),
      400);
  EXPECT_EQ(Status(RawClient::Get("/" + std::string(20000, 'a') + query_)),
            400);
  ExpectWell();
}

TEST_F(ViewerServerTest, DropsConnectionsThatNeverSayWhatTheyWant) {
  Start(absl::Milliseconds(300));
  RawClient silent(port_), slow(port_);
  slow.Send("GET / HTTP/1.1\r\nHost: ");
  EXPECT_TRUE(silent.IsClosed());
  EXPECT_TRUE(slow.IsClosed());
  ExpectWell();
}

TEST_F(ViewerServerTest, TellsAPageWhatThereIsAndThenWhatIsNew) {
  auto payload = std::make_shared<const std::string>(300000, 'p');
  hub_.Set("scene", {{"type", "scene"}}, payload);
  RawClient page(port_);
  ASSERT_EQ(page.Upgrade("/socket" + query_), 101);
  EXPECT_EQ(page.ReadMessage(), R"({"type":"hello"})");
  EXPECT_EQ(page.ReadMessage(), R"({"type":"scene"})");
  uint8_t first = 0;
  EXPECT_EQ(page.ReadMessage(&first), *payload);
  EXPECT_EQ(first & 15, RawClient::kBinary & 15);
  hub_.Set("state", {{"type", "state"}});
  EXPECT_EQ(page.ReadMessage(&first), R"({"type":"state"})");
  EXPECT_EQ(first & 15, RawClient::kText & 15);
  server_->Flush(absl::Seconds(10));
  EXPECT_EQ(page.ReadMessage(nullptr, absl::Milliseconds(300)), std::nullopt);
}

TEST_F(ViewerServerTest, TellsEveryPageTheSame) {
  std::vector<std::unique_ptr<RawClient>> pages;
  for (int i = 0; i < 8; ++i) {
    pages.push_back(std::make_unique<RawClient>(port_));
    ASSERT_EQ(pages.back()->Upgrade("/socket" + query_), 101);
  }
  WaitForPages(8);
  hub_.Set("state", {{"type", "state"}});
  for (const auto& page : pages) {
    EXPECT_EQ(page->ReadMessage(), R"({"type":"hello"})");
    EXPECT_EQ(page->ReadMessage(), R"({"type":"state"})");
  }
  pages.clear();
  WaitForPages(0);
}

TEST_F(ViewerServerTest, AnswersACommandThatIsRefused) {
  RawClient page(port_);
  ASSERT_EQ(page.Upgrade("/socket" + query_), 101);
  page.ReadMessage();
  page.SendFrame(RawClient::kText, "good");
  page.SendFrame(RawClient::kText, "bad");
  EXPECT_EQ(page.ReadMessage(), R"({"message":"what is 3?","type":"error"})");
  page.SendFrame(RawClient::kText, std::string(kLongestCommand, 'x'));
  EXPECT_EQ(page.ReadMessage(),
            R"({"message":"what is 65536?","type":"error"})");
}

TEST_F(ViewerServerTest, ClosesConnectionsWhoseFramesAreWrong) {
  const std::string long_one(kLongestCommand + 1, 'x');
  const std::string half(kLongestCommand / 2 + 1, 'x');
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"too long",
       RawClient::FrameHead(RawClient::kText, long_one.size()) + long_one},
      {"too long in two pieces",
       RawClient::FrameHead(0x01, half.size()) + half +
           RawClient::FrameHead(0x80, half.size()) + half},
      {"said to be of 2^62 bytes",
       RawClient::FrameHead(RawClient::kText, uint64_t{1} << 62)},
      {"binary", RawClient::FrameHead(RawClient::kBinary, 2) + "ab"},
      {"not masked", RawClient::FrameHead(RawClient::kText, 2, false) + "ab"},
      {"with reserved bits", RawClient::FrameHead(0xf1, 2) + "ab"},
      {"of an opcode that is none", RawClient::FrameHead(0x83, 2) + "ab"},
      {"a piece of nothing", RawClient::FrameHead(0x80, 2) + "ab"},
      {"no UTF-8", RawClient::FrameHead(RawClient::kText, 2) + "\xc3\x28"},
      {"a ping that is too long",
       RawClient::FrameHead(0x89, 126) + std::string(126, 'x')},
  };
  for (const auto& [kind, bytes] : kinds) {
    RawClient page(port_);
    ASSERT_EQ(page.Upgrade("/socket" + query_), 101);
    ASSERT_EQ(page.ReadMessage(), R"({"type":"hello"})");
    page.Send(bytes);
    EXPECT_TRUE(page.IsClosed()) << kind;
  }
  WaitForPages(0);
  ExpectWell();
}

TEST_F(ViewerServerTest, DropsAPageThatTakesNothing) {
  Start(absl::Milliseconds(500));
  hub_.Set("scene", {{"type", "scene"}},
           std::make_shared<const std::string>(64 << 20, 'p'));
  RawClient page(port_);
  ASSERT_EQ(page.Upgrade("/socket" + query_), 101);
  WaitForPages(1);
  WaitForPages(0);
  ExpectWell();
}

TEST_F(ViewerServerTest, SkipsScenesForAPageThatIsSlow) {
  const auto scene = [](int number) {
    return nlohmann::json({{"type", "scene"}, {"step", number}});
  };
  const auto payload = std::make_shared<const std::string>(16 << 20, 'p');
  hub_.Set("scene", scene(0), payload);
  RawClient page(port_);
  ASSERT_EQ(page.Upgrade("/socket" + query_), 101);
  EXPECT_EQ(page.ReadMessage(), R"({"type":"hello"})");
  EXPECT_EQ(page.ReadMessage(), scene(0).dump());
  for (int i = 1; i <= 50; ++i) hub_.Set("scene", scene(i), payload);
  EXPECT_EQ(page.ReadMessage()->size(), payload->size());
  EXPECT_EQ(page.ReadMessage(), scene(50).dump());
}

TEST_F(ViewerServerTest, BoundsTheNumberOfConnections) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<RawClient>(port_));
  }
  int open = 0;
  for (const auto& client : clients) {
    open += client->IsClosed(absl::Milliseconds(20)) ? 0 : 1;
  }
  EXPECT_LE(open, 8);
  clients.clear();
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (Status(RawClient::Get("/" + query_)) == 0 && absl::Now() < until) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  ExpectWell();
}

TEST_F(ViewerServerTest, ListensOnTheLoopbackAddressOnly) {
  EXPECT_TRUE(RawClient(port_, "127.0.0.1").connected());
  EXPECT_FALSE(RawClient(port_, "127.0.0.2").connected());
}

TEST_F(ViewerServerTest, SaysThatThePortIsTaken) {
  const auto second = ViewerServer::Start(hub_, {.port = port_});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(second.status().message(), HasSubstr("--port=0"));
}

TEST_F(ViewerServerTest, ClosesConnectionsWhenItEnds) {
  RawClient page(port_), silent(port_);
  ASSERT_EQ(page.Upgrade("/socket" + query_), 101);
  WaitForPages(1);
  server_.reset();
  EXPECT_TRUE(page.IsClosed());
  EXPECT_TRUE(silent.IsClosed());
  EXPECT_EQ(hub_.pages, 0);
}

}  // namespace
}  // namespace dg4d::viewer
