// Answers made to break what reads them, and answers cut at any byte: guarantees 5 and 10 of the contract.
#include <chrono>
#include <thread>

#include "etl/api_client.hpp"
#include "etl/response_parser.hpp"
#include "tests/chaos/scene.hpp"

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
  std::size_t peak = 0;
  while (process->running()) {
    peak = std::max(peak, peak_memory(process->pid()));
    if (odetl.server.request_count() > kEnoughRequests) process->kill(SIGTERM);
    std::this_thread::sleep_for(5ms);
  }
  const auto status = process->wait();
  RecordProperty("peak_kib", static_cast<int>(peak >> 10));
  EXPECT_EQ(status.signal, 0) << process->err();
  EXPECT_EQ(Oracle::judge_words("the log", process->err() + process->out()), "");
  EXPECT_EQ(odetl.sql("SELECT count(*) FROM opendialog.interactions"), "0");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(peak, kMemoryLimit);
#endif
}

INSTANTIATE_TEST_SUITE_P(
    Chaos, Bombs,
    testing::Values(Bomb{"GzipBomb", [] { return padding(std::size_t{64} << 20); }},
                    Bomb{"DepthOfAMillion", [] { return body(repeated("[", 1'000'000)); }},
                    Bomb{"DepthInARecord", [] { return body(record_with(repeated("[", 1'000'000))); }},
                    Bomb{"EnormousString", [] { return body(R"({"data":[")" + repeated("x", 17 << 20)); }}),
    [](const auto& instance) { return std::string(instance.param.name); });

// What is legal and large is read, or its record refused, within the same memory.
TEST(LargeRecords, OfAMillionKeysAreReadOrRefusedWithinMemory) {
  Installation odetl({}, canary_server());
  odetl.configure("api.max_response", "32MiB");
  std::string keys = "{";
  for (int i = 0; i < 1'000'000; ++i) keys += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "\":1";
  odetl.server.faults().add(body(record_with(keys + "}")));
  const auto result = odetl.backfill("2024-03-01T12:00:00Z", "2024-03-01T12:00:02Z");
  const std::string held = odetl.sql("SELECT count(*) FROM opendialog.interactions");
  const std::string rejected = odetl.sql("SELECT count(*) FROM opendialog.rejected_records");
  EXPECT_TRUE(test::ended(result, 0));
  EXPECT_EQ(std::stoi(held) + std::stoi(rejected), 1) << held << " held, " << rejected << " rejected";
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
