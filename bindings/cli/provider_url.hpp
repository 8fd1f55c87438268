// The provider that most apps have: a POST to the app's own backend, which knows the user and holds the Portal API key.
#pragma once

#include <portal_session/portal_session.h>

#include <memory>
#include <string>

namespace cli {

// Sends {"client_id": "..."} (or {} where no client is known yet) to the URL, without a token. portal_request_answer says
// what the answer means. Its session is the one that it provides for: set once that is open.
class ProviderUrl {
public:
    explicit ProviderUrl(std::string url) : url_(std::move(url)) {}
    void serve(portal_session* session) { session_ = session; }
    [[nodiscard]] portal_provider callbacks();

private:
    void ask(const portal_token_request& request);

    const std::string url_;
    portal_session* session_ = nullptr;
};

}  // namespace cli
