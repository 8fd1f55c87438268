// One HTTP exchange over libcurl: its handle set up from the request, and its answer read.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "http/curl_errors.hpp"
#include "http/curl_transport.hpp"
#include "http/transport.hpp"
#include "http/url.hpp"

namespace portal {

inline constexpr std::size_t max_header_bytes = 64 * 1024;
inline constexpr std::size_t curl_words_bytes = 256;

// All but the constructor runs on curl's thread.
class CurlExchange {
public:
    using Answer = std::function<void(Result<HttpResponse>)>;

    CurlExchange(std::uint64_t owner, std::uint64_t id, HttpRequest request, std::shared_ptr<const CurlOptions> options,
                 Answer answer);
    ~CurlExchange();
    CurlExchange(const CurlExchange&) = delete;
    CurlExchange& operator=(const CurlExchange&) = delete;

    [[nodiscard]] std::uint64_t owner() const { return owner_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] void* handle() const { return handle_; }  // a CURL*
    [[nodiscard]] Answer take_answer() { return std::move(answer_); }

    // Checks the request once more and sets the handle up.
    Result<void> prepare();
    // `curl_code` is the CURLcode that the transfer ended with.
    Result<HttpResponse> finish(int curl_code);

private:
    class HeaderList;
    class Setup;
    enum class Stop : std::uint8_t { no, not_admitted, second_attempt, body_too_large, headers_too_large, out_of_memory };

    void set_method(Setup& setup);
    void set_trust(Setup& setup, const Url& url);
    void set_limits(Setup& setup);
    [[nodiscard]] bool is_packed() const;
    [[nodiscard]] CurlEnd end_of(int curl_code) const;

    static int on_attempt(void* self, char* local_ip, char* peer_ip, int local_port, int peer_port);
    static int on_tls_context(void* handle, void* context, void* self);
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    bool take_header(std::string_view line);
    bool take_body(std::string_view part);

    const std::uint64_t owner_;
    const std::uint64_t id_;
    HttpRequest request_;
    const std::shared_ptr<const CurlOptions> options_;
    Answer answer_;

    void* handle_ = nullptr;
    std::unique_ptr<HeaderList> headers_;
    HttpResponse response_;
    std::array<char, curl_words_bytes> curl_words_{};
    std::size_t header_bytes_ = 0;
    bool are_headers_whole_ = false;
    int attempts_ = 0;
    Stop stop_ = Stop::no;
    Code refusal_ = Code::ok;  // why it was not admitted
};

}  // namespace portal
