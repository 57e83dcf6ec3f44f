// Answers made to break what reads them, and answers cut at any byte: guarantees 5 and 10 of the contract.
#include <chrono>
#include <thread>

#include "etl/api_client.hpp"
#include "etl/response_parser.hpp"
#include "tests/chaos/scene.hpp"
#include "tests/integration/scripted_server.hpp"
#include "tests/simulator/gzip.hpp"

namespace odetl::chaos {
namespace {

using namespace std::chrono_literals;
using simulator::Cut;
using simulator::Fault;
using simulator::FaultKind;
using test::second;

constexpr std::uint64_t kEnoughRequests = 4;  // it would ask again and again, and find out that the second is poisoned
constexpr std::size_t kMemoryLimit = std::size_t{64} << 20;

std::size_t peak_memory(pid_t pid) {
  const std::string status = test::read_file("/proc/" + std::to_string(pid) + "/status");
  const auto at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::stoull(status.substr(at + 6)) << 10;
}

// Sampled while `meanwhile` is done, again and again.
std::size_t peak_while_running(ChildProcess& process, const std::function<void()>& meanwhile) {
  std::size_t peak = 0;
  while (process.running()) {
    peak = std::max(peak, peak_memory(process.pid()));
    meanwhile();
    std::this_thread::sleep_for(5ms);
  }
  return peak;
}

void expect_peak(std::size_t peak, std::size_t limit) {
  testing::Test::RecordProperty("peak_mib", static_cast<int>(peak >> 20));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(peak, limit);
#else
  static_cast<void>(limit);
#endif
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  text.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

std::string record_with(const std::string& data) {
  return R"({"data":[{"u":{"chatbot_user_data":null,"from":"2024-03-01T00:00:00.000000Z","to":"2024-03-02T00:00:00.000000Z",)"
         R"("interactions":[{"type":"text","date":"2024-03-01T12:00:00.000000Z","text":"x","data":)" + data + "}]}}]}";
}

struct Bomb {
  const char* name;
  std::function<Fault()> make;
};
void PrintTo(const Bomb& bomb, std::ostream* out) { *out << bomb.name; }

Fault padding(std::size_t bytes) { return {.kind = FaultKind::padding, .next = 0, .at = bytes}; }
Fault body(std::string text) { return {.kind = FaultKind::body, .next = 0, .text = std::move(text)}; }

class Bombs : public testing::TestWithParam<Bomb> {};

// Read with little memory allowed: nothing of it is loaded, the program says so, and its memory stays small.
TEST_P(Bombs, AreRefusedWithinLimits) {
  Installation odetl({}, canary_server());
  odetl.configure("api.max_response", "16MiB");
  odetl.configure("windows.width", "1d");
  odetl.tenant.add(canary_row(second("2024-03-01 12:00:00"), 1));
  odetl.server.faults().add(GetParam().make());
  const auto process = odetl.start({"backfill", "--from", "2024-03-01T12:00:00Z", "--to", "2024-03-01T12:00:02Z"});
  const std::size_t peak = peak_while_running(*process, [&] {
    if (odetl.server.request_count() > kEnoughRequests) process->kill(SIGTERM);
  });
  const auto status = process->wait();
  EXPECT_EQ(status.signal, 0) << process->err();
  EXPECT_EQ(Oracle::judge_words("the log", process->err() + process->out()), "");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.interactions"), "0");
  expect_peak(peak, kMemoryLimit);
}

INSTANTIATE_TEST_SUITE_P(
    Chaos, Bombs,
    testing::Values(Bomb{"GzipBomb", [] { return padding(std::size_t{64} << 20); }},
                    Bomb{"DepthOfAMillion", [] { return body(repeated("[", 1'000'000)); }},
                    Bomb{"DepthInARecord", [] { return body(record_with(repeated("[", 1'000'000))); }},
                    Bomb{"EnormousString", [] { return body(R"({"data":[")" + repeated("x", 17 << 20)); }}),
    [](const auto& instance) { return std::string(instance.param.name); });

// --- with the limit that everybody has ----------------------------------------------------------------------------

constexpr std::size_t kDefaultLimit = std::size_t{256} << 20;  // api.max_response
constexpr std::size_t kBeyondIt = std::size_t{300} << 20;

struct Torrent {
  const char* name;
  std::function<test::Script()> make;
  std::size_t peak;       // at the most
  const char* says = "";  // the log, of why it is refused
};
void PrintTo(const Torrent& torrent, std::ostream* out) { *out << torrent.name; }

test::Script json(const std::string& body) { return {.bytes = test::json_answer(body)}; }
test::Script gzipped(const std::string& body) { return {.bytes = test::json_answer(body, {"Content-Encoding: gzip"})}; }
test::Script endless_chunks() {
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  return {.bytes = test::answer("200 OK", {"Content-Type: application/json", "Transfer-Encoding: chunked"}, repeated(chunk, kBeyondIt >> 16)),
          .then = test::Script::Then::hang};
}
class Torrents : public testing::TestWithParam<Torrent> {};

TEST_P(Torrents, StayWithinMemoryOrAreRefusedAtTheLimit) {
  test::ScriptedServer server({GetParam().make()});
  Installation odetl({}, canary_server());
  odetl.configure("api.base_url", server.url());
  const auto process = odetl.start({"--log-level", "debug", "backfill", "--from", "2024-03-01T12:00:00Z", "--to", "2024-03-01T12:00:02Z", "--workers", "1"});
  const std::size_t peak = peak_while_running(*process, [&] {
    if (server.requests().size() > 1) process->kill(SIGTERM);  // it asks again, and it is the same
  });
  EXPECT_EQ(process->wait().signal, 0) << process->err();
  EXPECT_NE(process->err().find(GetParam().says), std::string::npos) << process->err();
  expect_peak(peak, GetParam().peak);
}

INSTANTIATE_TEST_SUITE_P(
    Chaos, Torrents,
    testing::Values(Torrent{"GzipBombOfAGibibyte", [] { return gzipped(simulator::gzip_padded("", std::size_t{1} << 30, "{}")); },
                            kDefaultLimit + kMemoryLimit, "max_response"},
                    Torrent{"EndlessChunks", endless_chunks, kDefaultLimit + kMemoryLimit, "max_response"},
                    Torrent{"StringBeyondTheLimit", [] { return json(R"({"data":[")" + std::string(kBeyondIt, 'x')); },
                            kDefaultLimit + kMemoryLimit, "max_response"},
                    Torrent{"StringWithinTheLimit", [] { return json(record_with('"' + std::string(200 << 20, 'x') + '"')); }, 2 * kDefaultLimit},
                    Torrent{"DepthOfAMillion", [] { return json(record_with(repeated("[", 1'000'000))); }, kMemoryLimit}),
    [](const auto& instance) { return std::string(instance.param.name); });

// What is legal and large is read, or its record refused, within the same memory.
TEST(LargeRecords, OfAMillionKeysAreReadOrRefusedWithinMemory) {
  Installation odetl({}, canary_server());
  std::string keys = "{";
  for (int i = 0; i < 1'000'000; ++i) keys += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":1";
  odetl.server.faults().add(body(record_with(keys + "}")));
  const auto process = odetl.start({"backfill", "--from", "2024-03-01T12:00:00Z", "--to", "2024-03-01T12:00:02Z"});
  const std::size_t peak = peak_while_running(*process, [] {});
  EXPECT_EQ(process->wait(), test::ExitStatus{}) << process->err();
  const std::string held = odetl.sql("SELECT count(*) FROM opendialog.interactions");
  const std::string rejected = odetl.sql("SELECT count(*) FROM opendialog.rejected_records");
  EXPECT_EQ(std::stoi(held) + std::stoi(rejected), 1) << held << " held, " << rejected << " rejected";
  expect_peak(peak, kDefaultLimit);
}

// --- cut answers -------------------------------------------------------------------------------------------------

struct CutForm {
  const char* name;
  Cut cut;
  std::size_t stride;
};
void PrintTo(const CutForm& form, std::ostream* out) { *out << form.name; }

class CutAnswers : public testing::TestWithParam<CutForm> {};

TEST_P(CutAnswers, AreNeverTakenForWhole) {
  simulator::Tenant tenant;
  std::vector<simulator::Interaction> rows;
  for (std::uint64_t i = 0; i < 150; ++i) rows.push_back(canary_row(second("2024-03-01 00:00:00") + std::chrono::seconds(i), i));
  tenant.add(rows);
  simulator::Server server(tenant, canary_server());
  const AskedRange asked{second("2024-03-01 00:00:00"), second("2024-03-01 01:00:00")};
  ApiOptions options;
  options.base_url = server.url();
  const auto client = make_api_client(options, server.token());
  Answer answer;
  Body body;
  Exchange exchange;
  const auto fetch = [&] {
    client->fetch(asked, answer, exchange, {});
    client->decode(asked, answer, body, exchange);
  };
  fetch();
  ResponseParser parser;
  const ParseOptions request{asked, {asked.from, asked.to}, EchoRule::warn, true, true};
  ASSERT_EQ(parser.parse(body, request).interactions.size(), rows.size());
  const bool is_compressed = GetParam().cut == Cut::gzip || GetParam().cut == Cut::chunked || GetParam().cut == Cut::shorter;
  const std::size_t size = is_compressed ? exchange.wire_bytes : body.size();

  std::size_t refused = 0;
  for (std::size_t at = 0; at + 1 < size; at += GetParam().stride) {
    server.faults().clear();
    server.faults().add({.kind = FaultKind::truncate, .at = at, .cut = GetParam().cut});
    // What is cut off may be no more than a checksum: then everything is there.
    std::size_t read = rows.size();
    try {
      fetch();
      read = parser.parse(body, request).interactions.size();
    } catch (const ApiError&) {
      ++refused;
    }
    ASSERT_EQ(read, rows.size()) << "cut after " << at << " of " << size;
  }
  EXPECT_GE(refused, size / GetParam().stride / 2);
}

INSTANTIATE_TEST_SUITE_P(Chaos, CutAnswers,
                         testing::Values(CutForm{"Plain", Cut::length, 7}, CutForm{"Document", Cut::document, 7},
                                         CutForm{"Gzip", Cut::gzip, 1}, CutForm{"Chunked", Cut::chunked, 1},
                                         CutForm{"Short", Cut::shorter, 7}, CutForm{"Closed", Cut::close, 7}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace odetl::chaos
