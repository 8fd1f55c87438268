// The provider that most apps have: a POST to the app's own backend, which knows the user and holds the Portal API key.
#pragma once

#include <portal_session/portal_session.h>

#include <string>
#include <thread>
#include <vector>

#include "cli/command.hpp"
#include "cli/files.hpp"
#include "cli/options.hpp"

namespace cli {

// Sends {"client_id": "..."} (or {} where no client is known yet) to the URL, without a token, with the headers that a file
// or a command gives at each ask. portal_request_answer says what the answer means. Its session is the one that it
// provides for: set once that is open.
class ProviderUrl {
public:
    explicit ProviderUrl(const Options& options)
        : url_(options.provider_url),
          header_file_(options.provider_header_file),
          header_command_(options.provider_header_command) {}
    ~ProviderUrl() { stop(); }
    ProviderUrl(const ProviderUrl&) = delete;
    ProviderUrl& operator=(const ProviderUrl&) = delete;

    void serve(portal_session* session) { session_ = session; }
    [[nodiscard]] portal_provider callbacks();

    // Ends the header command, if one runs. Nothing is asked after this.
    void stop();

private:
    struct Ask {
        std::uint64_t id;
        std::int64_t timeout_ms;
        std::string body;
    };
    void ask(const portal_token_request& request);
    void ask_with_headers_of_command(const Ask& ask, Deadline deadline);
    void send(const Ask& ask, const std::vector<portal_header>& more_headers);

    const std::string url_;
    const std::string header_file_;
    const std::string header_command_;
    portal_session* session_ = nullptr;
    Pipe withdrawn_;
    std::thread worker_;  // runs the header command
};

}  // namespace cli
