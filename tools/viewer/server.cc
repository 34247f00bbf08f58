#include "tools/viewer/server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <deque>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "tools/viewer/protocol.h"
#include "tools/viewer/requests.h"

namespace dg4d::viewer {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;
using Request = http::request<http::empty_body>;

constexpr size_t kLongestHead = 8 * 1024;  // bytes
// Frames go out in such pieces, each within the server's patience.
constexpr size_t kPiece = 64 * 1024;  // bytes
constexpr size_t kMostRefusals = 16;
constexpr auto kTellEvery = std::chrono::milliseconds(200);
constexpr auto kCommandPause = std::chrono::milliseconds(20);

absl::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

// Completion by co_await; what went wrong is in `error`.
auto Into(error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

// Counts something for as long as it lives.
template <typename Count>
class Counted {
 public:
  explicit Counted(Count& count) : count_(count) { ++count_; }
  Counted(const Counted&) = delete;
  ~Counted() { --count_; }

 private:
  Count& count_;
};

// A page's connection.
struct Session {
  Session(beast::tcp_stream stream, std::set<Session*>& the_all)
      : socket(std::move(stream)),
        wake(socket.get_executor()),
        deadline(socket.get_executor()),
        pause(socket.get_executor()),
        all(the_all) {
    all.insert(this);
  }
  Session(const Session&) = delete;
  ~Session() { all.erase(this); }

  void Close() {
    open = false;
    wake.cancel();
    deadline.cancel();
    pause.cancel();
    beast::get_lowest_layer(socket).close();
  }

  websocket::stream<beast::tcp_stream> socket;
  asio::steady_timer wake;      // of what tells
  asio::steady_timer deadline;  // of the piece under way
  asio::steady_timer pause;     // of what listens
  Hub::Cursor cursor;
  std::deque<std::string> refusals;
  bool open = true;
  absl::Time caught_up = absl::InfinitePast();
  std::set<Session*>& all;
};

void SetHeaders(http::fields& fields) {
  fields.set(http::field::cache_control, "no-store");
  fields.set("X-Content-Type-Options", "nosniff");
  fields.set("X-Frame-Options", "DENY");
  fields.set("Referrer-Policy", "no-referrer");  // the address has the token
  fields.set("Cross-Origin-Opener-Policy", "same-origin");
  fields.set("Cross-Origin-Resource-Policy", "same-origin");
}

// Of the page: its own scripts and styles, and this server, nothing else.
std::string PagePolicy(const std::string& nonce) {
  return absl::StrCat("default-src 'none'; script-src 'nonce-", nonce,
                      "'; style-src 'nonce-", nonce,
                      "'; img-src 'self' data: blob:; connect-src 'self'; "
                      "worker-src blob:; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'");
}

}  // namespace

struct ViewerServer::State {
  State(Hub& the_hub, Options the_options)
      : hub(the_hub), options(std::move(the_options)) {}

  absl::Status Listen();
  asio::awaitable<void> Accept();
  asio::awaitable<void> Serve(tcp::socket socket);
  asio::awaitable<void> Answer(beast::tcp_stream& stream,
                               const Request& request);
  asio::awaitable<void> Refuse(beast::tcp_stream& stream, http::status status);
  asio::awaitable<void> SendBytes(beast::tcp_stream& stream,
                                  absl::string_view bytes,
                                  http::response_header<> head);
  asio::awaitable<void> SendFile(beast::tcp_stream& stream,
                                 const std::string& name);
  asio::awaitable<void> Talk(beast::tcp_stream stream, Request request);
  asio::awaitable<void> Tell(std::shared_ptr<Session> session);
  asio::awaitable<void> Write(std::shared_ptr<Session> session, bool binary,
                              const std::string& bytes, error_code& error);

  std::chrono::nanoseconds patience() const {
    return absl::ToChronoNanoseconds(options.patience);
  }

  Hub& hub;
  const Options options;
  const std::string token = MakeToken();
  int port = 0;
  int connections = 0;
  std::set<Session*> sessions;
  // Behind what coroutines look at: those that still are die with it.
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::thread thread;
};

absl::Status ViewerServer::State::Listen() {
  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(),
                               static_cast<unsigned short>(options.port));
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(options.most_connections, error);
  if (error == asio::error::address_in_use) {
    return absl::AlreadyExistsError(
        absl::StrCat("port ", options.port,
                     " is taken; name another --port, or --port=0 for any "
                     "that is free"));
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on port ", options.port, ": ",
                     error.message(), "; name another --port"));
  }
  port = acceptor.local_endpoint().port();
  return absl::OkStatus();
}

asio::awaitable<void> ViewerServer::State::Accept() {
  for (;;) {
    error_code error;
    tcp::socket socket = co_await acceptor.async_accept(Into(error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {  // out of file descriptors, for one
      asio::steady_timer timer(context, kTellEvery);
      co_await timer.async_wait(Into(error));
      continue;
    }
    if (connections >= options.most_connections) continue;
    asio::co_spawn(context, Serve(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> ViewerServer::State::Serve(tcp::socket socket) {
  const Counted<int> counted(connections);
  beast::tcp_stream stream(std::move(socket));
  stream.expires_after(patience());
  beast::flat_buffer buffer(kLongestHead);
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kLongestHead);
  error_code error;
  co_await http::async_read(stream, buffer, parser, Into(error));
  if (error) {
    const error_code broken = http::error::bad_method;
    if (error.category() == broken.category() &&
        error != http::error::end_of_stream) {
      co_await Refuse(stream, http::status::bad_request);
    }
    co_return;
  }
  Request request = parser.release();
  const Target target = ParseTarget(View(request.target()));
  http::status refusal = http::status::ok;
  if (request.count(http::field::host) != 1 ||
      !ComesFromHere(View(request[http::field::host]),
                     View(request[http::field::origin])) ||
      !EqualSecrets(target.token, token)) {
    refusal = http::status::forbidden;
  } else if (request.method() != http::verb::get) {
    refusal = http::status::method_not_allowed;
  } else if (target.path == "/socket" && !websocket::is_upgrade(request)) {
    refusal = http::status::upgrade_required;
  }
  if (refusal != http::status::ok) {
    co_await Refuse(stream, refusal);
  } else if (target.path == "/socket") {
    co_await Talk(std::move(stream), std::move(request));
  } else {
    co_await Answer(stream, request);
  }
}

asio::awaitable<void> ViewerServer::State::Answer(beast::tcp_stream& stream,
                                                  const Request& request) {
  constexpr absl::string_view kFiles = "/file/";
  const std::string path = ParseTarget(View(request.target())).path;
  if (path == "/") {
    const std::string nonce = MakeToken();
    const std::string page =
        absl::StrReplaceAll(options.page, {{"{{nonce}}", nonce}});
    http::response_header<> head;
    head.set(http::field::content_type, "text/html; charset=utf-8");
    head.set("Content-Security-Policy", PagePolicy(nonce));
    co_await SendBytes(stream, page, std::move(head));
  } else if (path.compare(0, kFiles.size(), kFiles.data()) == 0) {
    co_await SendFile(stream, path.substr(kFiles.size()));
  } else {
    co_await Refuse(stream, http::status::not_found);
  }
}

asio::awaitable<void> ViewerServer::State::Refuse(beast::tcp_stream& stream,
                                                  http::status status) {
  http::response_header<> head;
  head.result(status);
  head.set(http::field::content_type, "text/plain");
  const std::string text(View(http::obsolete_reason(status)));
  co_await SendBytes(stream, absl::StrCat(text, "\n"), std::move(head));
}

asio::awaitable<void> ViewerServer::State::SendBytes(
    beast::tcp_stream& stream, absl::string_view bytes,
    http::response_header<> head) {
  SetHeaders(head);
  http::response<http::span_body<const char>> response(std::move(head));
  response.body() = {bytes.data(), bytes.size()};
  response.keep_alive(false);
  response.prepare_payload();
  stream.expires_after(patience());
  error_code error;
  co_await http::async_write(stream, response, Into(error));
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
}

asio::awaitable<void> ViewerServer::State::SendFile(beast::tcp_stream& stream,
                                                    const std::string& name) {
  const std::optional<Hub::File> file = hub.FindFile(name);
  if (!file.has_value()) {
    co_await Refuse(stream, http::status::not_found);
    co_return;
  }
  http::response_header<> head;
  head.set(http::field::content_type, ContentType(name));
  // What is exported may be a page: it is not to run as one of this server.
  head.set("Content-Security-Policy", "sandbox");
  if (file->download) {
    head.set(http::field::content_disposition,
             absl::StrCat("attachment; filename=\"", name, "\""));
  }
  if (file->bytes != nullptr) {
    co_await SendBytes(stream, *file->bytes, std::move(head));
    co_return;
  }
  SetHeaders(head);
  http::response<http::file_body> response(std::move(head));
  error_code error;
  response.body().open(file->path.c_str(), beast::file_mode::scan, error);
  if (error) {
    co_await Refuse(stream, http::status::not_found);
    co_return;
  }
  response.keep_alive(false);
  response.prepare_payload();
  http::response_serializer<http::file_body> serializer(response);
  while (!error && !serializer.is_done()) {
    stream.expires_after(patience());
    co_await http::async_write_some(stream, serializer, Into(error));
  }
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
}

asio::awaitable<void> ViewerServer::State::Talk(beast::tcp_stream stream,
                                                Request request) {
  stream.expires_never();  // the WebSocket has its own times
  const auto session = std::make_shared<Session>(std::move(stream), sessions);
  auto& socket = session->socket;
  websocket::stream_base::timeout times;
  times.handshake_timeout = patience();
  times.idle_timeout = 2 * patience();
  times.keep_alive_pings = true;
  socket.set_option(times);
  socket.read_message_max(kLongestCommand);
  error_code error;
  co_await socket.async_accept(request, Into(error));
  if (error) co_return;
  const Counted<std::atomic<int>> page(hub.pages);
  asio::co_spawn(context, Tell(session), asio::detached);
  beast::flat_buffer buffer;
  while (session->open) {
    buffer.clear();
    co_await socket.async_read(buffer, Into(error));
    if (error) break;
    if (socket.got_binary()) break;
    const auto data = buffer.data();
    const absl::Status status = options.command(
        std::string(static_cast<const char*>(data.data()), data.size()));
    if (!status.ok() && session->refusals.size() < kMostRefusals) {
      session->refusals.push_back(Dump(
          {{"type", "error"}, {"message", std::string(status.message())}}));
    }
    session->wake.cancel();
    session->pause.expires_after(kCommandPause);
    co_await session->pause.async_wait(Into(error));
  }
  session->Close();
}

// Tells what the hub has until the session closes.
asio::awaitable<void> ViewerServer::State::Tell(
    std::shared_ptr<Session> session) {
  error_code error;
  while (session->open && !error) {
    if (!session->refusals.empty()) {
      const std::string refusal = std::move(session->refusals.front());
      session->refusals.pop_front();
      co_await Write(session, /*binary=*/false, refusal, error);
      continue;
    }
    const std::optional<Hub::Frame> frame = hub.Next(session->cursor);
    if (frame.has_value()) {
      co_await Write(session, frame->binary, *frame->bytes, error);
      continue;
    }
    session->caught_up = absl::Now();
    session->wake.expires_after(kTellEvery);
    error_code woken;
    co_await session->wake.async_wait(Into(woken));
  }
  session->Close();
}

asio::awaitable<void> ViewerServer::State::Write(
    std::shared_ptr<Session> session, bool binary, const std::string& bytes,
    error_code& error) {
  session->socket.binary(binary);
  for (size_t begin = 0; begin < bytes.size() && !error; begin += kPiece) {
    const size_t size = std::min(kPiece, bytes.size() - begin);
    session->deadline.expires_after(patience());
    session->deadline.async_wait([session](const error_code& cancelled) {
      const auto now = std::chrono::steady_clock::now();
      if (!cancelled && session->deadline.expiry() <= now) session->Close();
    });
    const bool last = begin + size == bytes.size();
    co_await session->socket.async_write_some(
        last, asio::buffer(bytes.data() + begin, size), Into(error));
    session->deadline.expires_at(asio::steady_timer::time_point::max());
  }
}

absl::StatusOr<std::unique_ptr<ViewerServer>> ViewerServer::Start(
    Hub& hub, Options options) {
  auto state = std::make_unique<State>(hub, std::move(options));
  absl::Status status;
  try {
    status = state->Listen();
    if (status.ok()) {
      asio::co_spawn(state->context, state->Accept(), asio::detached);
    }
  } catch (const boost::system::system_error& error) {
    status = absl::UnavailableError(error.what());
  }
  if (!status.ok()) return status;
  state->thread = std::thread([state = state.get()] {
    for (;;) {
      try {
        state->context.run();
        return;
      } catch (const std::exception&) {
        // Out of memory, for one: that connection is gone, others go on.
      }
    }
  });
  return std::unique_ptr<ViewerServer>(new ViewerServer(std::move(state)));
}

ViewerServer::ViewerServer(std::unique_ptr<State> state)
    : state_(std::move(state)) {}

ViewerServer::~ViewerServer() {
  state_->context.stop();
  state_->thread.join();
}

int ViewerServer::port() const { return state_->port; }

std::string ViewerServer::url() const {
  return absl::StrCat("http://127.0.0.1:", state_->port,
                      "/?token=", state_->token);
}

void ViewerServer::Flush(absl::Duration patience) {
  const absl::Time begin = absl::Now();
  bool done = false;
  while (!done && absl::Now() - begin < patience) {
    std::promise<bool> promise;
    asio::post(state_->context, [&] {
      bool all = true;
      for (const Session* session : state_->sessions) {
        all = all && session->caught_up >= begin;
      }
      promise.set_value(all);
    });
    done = promise.get_future().get();
    if (!done) absl::SleepFor(absl::Milliseconds(20));
  }
}

}  // namespace dg4d::viewer
