#include "tests/simulator/error_pages.hpp"

#include <string>

namespace odetl::simulator {
namespace {

constexpr const char* kHtml = "text/html; charset=UTF-8";

std::string message_of(int status) {
  switch (status) {
    case 401:
      return "{\"message\":\"Unauthenticated.\"}";
    case 404:
      return "{\n    \"message\": \"\"\n}";
    case 422:
      return "{\"message\":\"The given data was invalid.\",\"errors\":{}}";
    case 429:
      return "{\n    \"message\": \"Too Many Attempts.\"\n}";
    case 500:
      return "{\n    \"message\": \"Server Error\"\n}";
    default:
      return "{\n    \"message\": \"" + std::string(reason_phrase(status)) + "\"\n}";
  }
}

std::string proxy_page(int status) {
  const std::string title = std::to_string(status) + ' ' + std::string(reason_phrase(status));
  return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
         "</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n";
}

}  // namespace

Response error_page(int status) {
  const bool from_proxy = status == 413 || status == 502 || status == 504;
  Response response;
  response.status = status;
  response.body = from_proxy ? proxy_page(status) : message_of(status);
  if (from_proxy) response.content_type = "text/html";
  return response;
}

Response login_page() {
  Response response;
  response.content_type = kHtml;
  response.body =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>OpenDialog</title></head>\n"
      "<body><form method=\"POST\" action=\"/login\"><input name=\"email\"><input name=\"password\" "
      "type=\"password\"></form></body>\n</html>\n";
  return response;
}

Response redirect_page(std::string_view location) {
  Response response;
  response.status = 302;
  response.content_type = kHtml;
  response.headers.emplace_back("Location", location);
  response.body = "<!DOCTYPE html>\n<html><head><meta http-equiv=\"refresh\" content=\"0;url='" +
                  std::string(location) + "'\" /></head><body>Redirecting.</body></html>\n";
  return response;
}

}  // namespace odetl::simulator
