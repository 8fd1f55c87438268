// The provider that most apps have: a POST to the app's own backend, which knows the user and holds the Portal API key.
#pragma once

#include <portal_session/portal_session.h>

#include <memory>
#include <string>

namespace cli {

// Sends {"client_id": "..."} (or {} where none is known) to the URL, without a token. An answer of 2xx is the token or
// Portal's JSON; 401 and 403 decline; 429 and 5xx, or no answer, fail and are tried again when Retry-After allows; any
// other status fails. Its session is the one that it provides for: set once that is open.
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
