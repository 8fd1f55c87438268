#include "http/curl_exchange.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <curl/curl.h>

#include "base/text.hpp"
#include "http/curl_errors.hpp"
#include "http/curl_tls.hpp"

namespace portal {
namespace {

constexpr std::int64_t max_connect_timeout_ms = 10'000;
constexpr std::int64_t max_timeout_ms = 24 * 3600 * 1000;
static_assert(curl_words_bytes == CURL_ERROR_SIZE);
constexpr long max_idle_connection_s = 30;  // a phone changes networks: an old connection is likely a dead one

// A libcurl may bring several TLS libraries ("OpenSSL/3.0.17 (Schannel)"): the one without parentheses is in use.
bool is_over_openssl() {
    const char* const library = ::curl_version_info(CURLVERSION_NOW)->ssl_version;
    return library != nullptr && starts_with(library, "OpenSSL/");
}

Result<void> check_request(const HttpRequest& request, const Url& url) {
    if (url.scheme != "https" && !is_loopback(url.host))
        return fail(Code::host_not_allowed, "Plain http goes to loopback only: use https.");
    if (!is_http_token(request.method))
        return fail(Code::invalid_argument, "The method is not an HTTP token: pass GET, POST or the like.");
    if (auto good = check_headers(request.headers, !request.bearer.empty()); !good) return good;
    if (!request.bearer.empty()) return check_token(request.bearer.reveal());
    return {};
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

// The list that libcurl reads its headers from, over our own memory: curl_slist_append would copy the token to the heap.
class CurlExchange::HeaderList {
public:
    HeaderList(const HttpRequest& request, bool has_body) {
        bool has_content_type = false;
        for (const HttpHeader& header : request.headers) {
            // Without a value the colon would tell libcurl to leave the header out; a semicolon sends it empty.
            const bool empty = trim(header.value).empty();
            lines_.push_back(header.name + (empty ? ";" : ": " + header.value));
            has_content_type = has_content_type || equal_ignoring_case(header.name, "content-type");
        }
        lines_.emplace_back("Expect:");                                           // no 100-continue round trip
        if (has_body && !has_content_type) lines_.emplace_back("Content-Type:");  // libcurl would call it a form
        if (!request.bearer.empty()) {
            bearer_line_.append("Authorization: Bearer ");
            bearer_line_.append(request.bearer.reveal());
            bearer_line_.append(std::string_view("\0", 1));
        }
        for (std::string& line : lines_) nodes_.push_back({line.data(), nullptr});
        if (!bearer_line_.empty()) nodes_.push_back({bearer_line_.data(), nullptr});
        for (std::size_t i = 0; i + 1 < nodes_.size(); ++i) nodes_[i].next = &nodes_[i + 1];
    }

    [[nodiscard]] curl_slist* first() { return nodes_.data(); }

private:
    std::vector<std::string> lines_;
    Secret bearer_line_;
    std::vector<curl_slist> nodes_;
};

// Sets options and remembers the first that was refused: a handle without one of its limits must not be used.
class CurlExchange::Setup {
public:
    explicit Setup(CURL* handle) : handle_(handle) {}

    template <typename T>
    void set(CURLoption option, T value) {
        const CURLcode code = ::curl_easy_setopt(handle_, option, value);
        if (first_refusal_ == CURLE_OK) first_refusal_ = code;
    }

    [[nodiscard]] CURLcode first_refusal() const { return first_refusal_; }

private:
    CURL* handle_;
    CURLcode first_refusal_ = CURLE_OK;
};

CurlExchange::CurlExchange(std::uint64_t owner, std::uint64_t id, HttpRequest request,
                           std::shared_ptr<const CurlOptions> options, Answer answer)
    : owner_(owner), id_(id), request_(std::move(request)), options_(std::move(options)), answer_(std::move(answer)) {}

CurlExchange::~CurlExchange() {
    if (handle_ != nullptr) ::curl_easy_cleanup(handle_);
}

Result<void> CurlExchange::prepare() {
    const auto url = parse_url(request_.url);
    if (!url) return tl::unexpected(url.error());
    if (auto good = check_request(request_, *url); !good) return good;
    handle_ = ::curl_easy_init();
    if (handle_ == nullptr)
        return fail(Code::out_of_memory, "There is no memory for an HTTP request: send it again later.");

    Setup setup(handle_);
    setup.set(CURLOPT_URL, url->text().c_str());
    setup.set(CURLOPT_PATH_AS_IS, 1L);
    setup.set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    setup.set(CURLOPT_PROTOCOLS_STR, url->scheme.c_str());
    setup.set(CURLOPT_FOLLOWLOCATION, 0L);
    setup.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    setup.set(CURLOPT_HTTP09_ALLOWED, 0L);
    // HTTP/2 would keep the token in the connection's table of headers, for as long as that stays open.
    setup.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    setup.set(CURLOPT_ERRORBUFFER, curl_words_.data());
    set_method(setup);
    set_trust(setup, *url);
    set_limits(setup);
    setup.set(CURLOPT_PREREQFUNCTION, &CurlExchange::on_attempt);
    setup.set(CURLOPT_PREREQDATA, static_cast<void*>(this));
    setup.set(CURLOPT_HEADERFUNCTION, &CurlExchange::on_header);
    setup.set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    setup.set(CURLOPT_WRITEFUNCTION, &CurlExchange::on_body);
    setup.set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    if (setup.first_refusal() == CURLE_OK) return {};
    auto refused = fail(Code::internal,
                        "This libcurl refuses an option that safety needs: build with libcurl 7.85 or newer with TLS.");
    refused.value().os_code = setup.first_refusal();
    return refused;
}

void CurlExchange::set_method(Setup& setup) {
    const std::string& method = request_.method;
    const bool wants_body = method == "POST" || method == "PUT" || method == "PATCH";
    const bool has_body = wants_body || (!request_.body.empty() && method != "HEAD");
    headers_ = std::make_unique<HeaderList>(request_, has_body);
    setup.set(CURLOPT_HTTPHEADER, headers_->first());
    setup.set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE));  // the token is not for a proxy's eyes
    setup.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (has_body) {
        setup.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
        setup.set(CURLOPT_POSTFIELDS, request_.body.empty() ? "" : request_.body.data());  // not copied
    } else if (method == "HEAD") {
        setup.set(CURLOPT_NOBODY, 1L);
    }
    setup.set(CURLOPT_CUSTOMREQUEST, method.c_str());
}

void CurlExchange::set_trust(Setup& setup, const Url& url) {
    setup.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    setup.set(CURLOPT_SSL_VERIFYPEER, 1L);
    setup.set(CURLOPT_SSL_VERIFYHOST, 2L);
    if (!options_->ca_file.empty()) {
        setup.set(CURLOPT_CAINFO, options_->ca_file.c_str());
        setup.set(CURLOPT_CAPATH,
                  static_cast<const char*>(nullptr));  // else the platform's folder is trusted beside the file
    }
    // Others hand out a context of their own there.
    if (is_over_openssl()) setup.set(CURLOPT_SSL_CTX_FUNCTION, &CurlExchange::on_tls_context);
    std::string pins;
    for (const std::string& pin : options_->spki_pins) pins += (pins.empty() ? "sha256//" : ";sha256//") + pin;
    if (!pins.empty()) setup.set(CURLOPT_PINNEDPUBLICKEY, pins.c_str());
    if (is_loopback(url.host)) setup.set(CURLOPT_PROXY, "");
}

void CurlExchange::set_limits(Setup& setup) {
    const std::int64_t timeout_ms =
        std::clamp<std::int64_t>(request_.timeout_ms, 1, max_timeout_ms);  // 0 is "none" to libcurl
    setup.set(CURLOPT_TIMEOUT_MS, static_cast<long>(timeout_ms));
    setup.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(timeout_ms, max_connect_timeout_ms)));
    // What announces too much is not begun. The answer to HEAD has a length, but no body.
    if (request_.method != "HEAD") setup.set(CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(request_.max_body_bytes));
    setup.set(CURLOPT_MAXAGE_CONN, max_idle_connection_s);
    setup.set(CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
    setup.set(CURLOPT_QUICK_EXIT, 1L);  // a cancel does not wait for the resolver's thread
#endif
}

Result<HttpResponse> CurlExchange::finish(int curl_code) {
    const CurlEnd end = end_of(curl_code);
    // Of one header line that is over its own limit libcurl says "out of memory", and from 8.6 on "too large", a code which
    // older headers have no name for.
    constexpr int curl_too_large = 100;
    const bool is_in_headers = end.has_begun && response_.body.empty();
    const bool is_too_large = curl_code == CURLE_OUT_OF_MEMORY || curl_code == curl_too_large;
    if (is_too_large && is_in_headers && stop_ == Stop::no) stop_ = Stop::headers_too_large;
    switch (stop_) {
        case Stop::no:
            break;
        case Stop::not_admitted:
            return fail(refusal_, "The token was rejected or replaced before the request left.");
        case Stop::second_attempt:
            return tl::unexpected(curl_error(end_of(CURLE_GOT_NOTHING)));
        case Stop::body_too_large:
            if (is_packed())
                return curl_stopped(
                    curl_code, "The answer unpacks to more than this request allows: check what answers at this address.");
            return curl_stopped(curl_code, "The answer's body is larger than this request allows: ask for less of it.");
        case Stop::headers_too_large:
            return curl_stopped(curl_code,
                                "The answer's headers are larger than 64 KiB: check what answers at this address.");
        case Stop::out_of_memory:
            return fail(Code::out_of_memory, "There is no memory for the answer: send the request again later.");
    }
    if (curl_code != CURLE_OK) return tl::unexpected(curl_error(end));
    // libcurl takes a connection that closes in the middle of the headers for the end of the answer.
    if (!are_headers_whole_) return tl::unexpected(curl_error(end_of(CURLE_RECV_ERROR)));
    long status = 0;
    ::curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
}

// Nobody asks for it, but libcurl unpacks what comes with such a header.
bool CurlExchange::is_packed() const {
    const std::string_view encoding = response_.header("transfer-encoding");
    return !encoding.empty() && !equal_ignoring_case(encoding, "chunked");
}

CurlEnd CurlExchange::end_of(int curl_code) const {
    CurlEnd end;
    curl_off_t ready_us = 0;
    curl_off_t begun_us = 0;
    ::curl_easy_getinfo(handle_, CURLINFO_SSL_VERIFYRESULT, &end.verify_result);
    ::curl_easy_getinfo(handle_, CURLINFO_PRETRANSFER_TIME_T, &ready_us);
    ::curl_easy_getinfo(handle_, CURLINFO_STARTTRANSFER_TIME_T, &begun_us);
    ::curl_easy_getinfo(handle_, CURLINFO_HTTP_CONNECTCODE, &end.proxy_status);
    end.curl_code = curl_code;
    end.is_connected = ready_us != 0;
    end.has_begun = begun_us != 0;
    end.has_status = header_bytes_ != 0;
    end.curl_words = curl_words_.data();
    return end;
}

// libcurl sends once more, unasked, what it sent on a kept-alive connection that then broke: no POST may be done twice so.
int CurlExchange::on_attempt(void* self, char*, char*, int, int) {
    auto* exchange = static_cast<CurlExchange*>(self);
    if (exchange->request_.admit) exchange->refusal_ = exchange->request_.admit();
    if (exchange->refusal_ != Code::ok) {
        exchange->stop_ = Stop::not_admitted;
        return CURL_PREREQFUNC_ABORT;
    }
    if (exchange->attempts_++ == 0 || exchange->request_.may_repeat) return CURL_PREREQFUNC_OK;
    exchange->stop_ = Stop::second_attempt;
    return CURL_PREREQFUNC_ABORT;
}

int CurlExchange::on_tls_context(void*, void* context, void*) {
    return harden_tls(context) ? CURLE_OK : CURLE_SSL_CIPHER;
}

// No exception may pass through libcurl's frames; a count other than the one given ends the transfer.
std::size_t CurlExchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto* exchange = static_cast<CurlExchange*>(self);
    try {
        return exchange->take_header({data, size * count}) ? size * count : 0;
    } catch (const std::bad_alloc&) {
        exchange->stop_ = Stop::out_of_memory;
        return 0;
    }
}

std::size_t CurlExchange::on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto* exchange = static_cast<CurlExchange*>(self);
    try {
        return exchange->take_body({data, size * count}) ? size * count : 0;
    } catch (const std::bad_alloc&) {
        exchange->stop_ = Stop::out_of_memory;
        return 0;
    }
}

bool CurlExchange::take_header(std::string_view line) {
    header_bytes_ += line.size();
    if (header_bytes_ > max_header_bytes) {
        stop_ = Stop::headers_too_large;
        return false;
    }
    if (starts_with(line, "HTTP/")) {
        response_.headers.clear();  // what came before was an interim answer (1xx)
        are_headers_whole_ = false;
        return true;
    }
    if (trim(line).empty()) are_headers_whole_ = true;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    response_.headers.push_back({std::string(trim(line.substr(0, colon))), std::string(trim(line.substr(colon + 1)))});
    return true;
}

bool CurlExchange::take_body(std::string_view part) {
    if (part.size() > request_.max_body_bytes - response_.body.size()) {
        stop_ = Stop::body_too_large;
        return false;
    }
    response_.body.append(part);
    return true;
}

}  // namespace portal
