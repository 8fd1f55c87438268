#include "process_world.hpp"

#include <stdexcept>

#include <httplib.h>

namespace portal::test {

std::string ProcessWorld::new_client() {
    httplib::Client http(server.url());
    http.set_ca_cert_path(server.ca_file().c_str());
    http.set_bearer_token_auth(server.api_key().c_str());
    const auto answer = http.Post("/api/v3/custodians/me/clients", "{}", "application/json");
    if (!answer || answer->status != 200) throw std::runtime_error("the fake Portal made no client");
    return answer->body;
}

}  // namespace portal::test
