#include "cli/provider_command.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cli/command.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/provider_answer.hpp"
#include "cli/secret_buffer.hpp"
#include "cli/text.hpp"

namespace cli {
namespace {

// A command that ends with 0 has answered as a backend does with 200: with the token itself, or JSON.
portal_backend_answer success_with(std::string_view output) {
    portal_backend_answer answer;
    portal_init(&answer, sizeof answer);
    answer.flags = PORTAL_ANSWER_BARE_TOKEN;
    answer.http_status = 200;
    answer.token_or_body = {output.data(), output.size()};
    return answer;
}

class ProviderCommand {
public:
    explicit ProviderCommand(std::string command) : command_(std::move(command)) {}
    ~ProviderCommand() { stop(); }
    ProviderCommand(const ProviderCommand&) = delete;
    ProviderCommand& operator=(const ProviderCommand&) = delete;

    // One at a time: the request before this one is over, even where its command is still being killed.
    void ask(std::uint64_t id, std::int64_t timeout_ms) {
        stop();
        withdrawn_ = open_pipe();
        const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
        worker_ = std::thread([this, id, deadline] { answer(id, deadline); });
    }

    void stop() {
        withdrawn_.write_end.close();  // the worker sees its end, and kills the command
        if (worker_.joinable()) worker_.join();
        withdrawn_.read_end.close();
    }

private:
    void answer(std::uint64_t id, Deadline deadline) {
        SecretBuffer text(max_answer_bytes + 1);
        const CommandEnd outcome = run_command(command_, withdrawn_.read_end.get(), deadline, text);
        if (!outcome.started) warn("The provider command could not be started.");
        const bool is_late = outcome.started && outcome.exit_code < 0 && text.room() != 0 && left_ms(deadline) == 0;
        if (is_late) warn("The provider command did not end in time and was killed.");
        if (text.room() == 0) warn("The provider command printed more than 1 MiB and was stopped.");
        if (outcome.exit_code == 0) {
            answer_request(id, success_with(text.reveal()));
        } else if (outcome.exit_code == decline_exit_code) {
            portal_request_decline(id, outcome.exit_code, nullptr);
        } else {
            const bool is_busy = outcome.exit_code == busy_exit_code;
            fail_request(id, std::max(outcome.exit_code, 0), is_busy ? trimmed(text.reveal()) : std::string_view());
        }
    }

    const std::string command_;
    Pipe withdrawn_;
    std::thread worker_;
};

}  // namespace

portal_provider provider_command(const std::string& command) {
    portal_provider provider{};
    provider.ask = [](void* userdata, const portal_token_request* request) {
        try {
            static_cast<ProviderCommand*>(userdata)->ask(request->id, request->timeout_ms);
        } catch (...) {  // no thread to be had: nothing may be thrown through the library
            fail_request(request->id, 0);
        }
    };
    provider.withdrawn = [](void* userdata, std::uint64_t) { static_cast<ProviderCommand*>(userdata)->stop(); };
    provider.userdata = new ProviderCommand(command);
    provider.release = [](void* userdata) { delete static_cast<ProviderCommand*>(userdata); };
    return provider;
}

}  // namespace cli
