// Portal's Custodian API, for the app's own backend. It takes the Portal API key, so it is part of no device artifact.
#pragma once

#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "http/transport.hpp"
#include "http/url.hpp"
#include "portal_api/token_answer.hpp"

namespace portal {

struct CustodianAnswer {
    Secret json;  // as Portal sent it; that of create_client holds the client's never-expiring API key too
    TokenAnswer token;
};

// Calls block until the answer or the transport's time-out; any thread. Errors: REFUSED where Portal says no (see
// http_status), PROVIDER_FAILED where it has no time now (retryable, with retry_after_ms), NETWORK, BAD_TOKEN.
class Custodian {
public:
    // The caller has checked that `portal_url` may be called. INVALID_ARGUMENT: the key cannot stand in a header.
    static Result<Custodian> make(std::unique_ptr<Transport> transport, Url portal_url, Secret api_key);

    // A new client, with its first token. `account_abstracted`: its wallets are smart contract accounts.
    Result<CustodianAnswer> create_client(bool account_abstracted = false);
    // A new token for a client.
    Result<CustodianAnswer> new_session(std::string_view client_id);

private:
    Custodian(std::unique_ptr<Transport> transport, Url portal_url, Secret api_key);
    Result<CustodianAnswer> post(std::string_view path, std::string_view body = "{}");

    std::unique_ptr<Transport> transport_;
    Url portal_url_;
    Secret api_key_;
};

}  // namespace portal
