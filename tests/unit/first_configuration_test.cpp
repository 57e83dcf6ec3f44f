#include "daemon/first_configuration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/config.hpp"

namespace odetl {
namespace {

using testing::HasSubstr;

std::optional<std::string> environment(const std::string& name) {
  if (name == "DATABASE_URL") return "postgresql://etl:secret@db/dw";
  return std::nullopt;
}

Config read(const FirstAnswers& answers) { return parse_config(first_configuration(answers), "new", {}, environment); }

TEST(FirstConfiguration, HoldsTheAnswersAndIsValid) {
  const Config config = read({"https://acme.cloud.opendialog.ai", "/etc/x/my \"token\"", "host=db dbname=dw"});
  EXPECT_EQ(config.api.base_url, "https://acme.cloud.opendialog.ai");
  EXPECT_EQ(config.api.token_file, "/etc/x/my \"token\"");
  EXPECT_EQ(config.warehouse.dsn, "host=db dbname=dw");
  EXPECT_THAT(config.warnings, testing::IsEmpty());
}

TEST(FirstConfiguration, HasNoDatabaseForTheEmbeddedOne) {
  EXPECT_EQ(read({"https://acme.example", "/token", ""}).warehouse.dsn, "");
}

TEST(FirstConfiguration, KeepsVariables) {
  EXPECT_EQ(read({"https://acme.example", "/token", "${DATABASE_URL}"}).warehouse.dsn, "postgresql://etl:secret@db/dw");
}

TEST(FirstConfiguration, RefusesAnswersThatWillNotDo) {
  EXPECT_EQ(refuse_url("https://acme.example"), std::nullopt);
  EXPECT_EQ(refuse_url("http://127.0.0.1:8080"), std::nullopt);
  for (const char* wrong : {"", "acme", "ftp://acme.example", "http://acme.example"})
    EXPECT_TRUE(refuse_url(wrong)) << wrong;
  EXPECT_EQ(refuse_token_file("/etc/opendialog-etl/token"), std::nullopt);
  for (const char* wrong : {"", "token", "/", "/tmp"}) EXPECT_TRUE(refuse_token_file(wrong)) << wrong;
  for (const char* fine : {"", "postgresql://etl@db/dw", "host=db dbname=dw", "${DATABASE_URL}", "${SET_NOWHERE}"}) {
    EXPECT_EQ(refuse_database(fine), std::nullopt) << fine;
  }
  EXPECT_THAT(refuse_database("warehouse").value_or(""), HasSubstr("a connection string is needed"));
}

}  // namespace
}  // namespace odetl
