#include "http/curl_errors.hpp"

#include <charconv>
#include <utility>

#include <curl/curl.h>
#include <openssl/sslerr.h>
#include <openssl/x509_vfy.h>

namespace portal {
namespace {

Error error_of(int curl_code, std::string message) {
    Error error;
    error.code = Code::network;
    error.os_code = curl_code;
    error.message = std::move(message);
    return error;
}

Error retryable(int curl_code, std::string message) {
    Error error = error_of(curl_code, std::move(message));
    error.retryable = true;
    return error;
}

Error tls(int curl_code, std::string message) {
    Error error = error_of(curl_code, std::move(message));
    error.tls = true;
    return error;
}

Error untrusted(int curl_code, long verify_result) {
    switch (verify_result) {
        case X509_V_OK:
        case X509_V_ERR_UNSPECIFIED:  // libcurl's own name check failed before it looked at OpenSSL's verdict
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return tls(curl_code,
                       "The server's certificate is for another name: check the URL's host, and who answers there.");
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return tls(curl_code, "The server's certificate has expired: renew it there, and check this device's date.");
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return tls(curl_code, "The server's certificate is not valid yet: check this device's date.");
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        case X509_V_ERR_CERT_SIGNATURE_FAILURE:
            return tls(curl_code,
                       "The server's certificate comes from a CA that is not trusted here: give its CA file, or check who "
                       "intercepts the connection.");
        default:
            return tls(curl_code, "The server's certificate was refused (X.509 error " + std::to_string(verify_result) +
                                      "): check its chain and this device's date.");
    }
}

// OpenSSL's reason for a failed handshake, out of "error:0A00042E:SSL routines:..."; 0 where libcurl did not say.
unsigned handshake_reason(std::string_view curl_words) {
    constexpr std::string_view mark = "error:0A";  // 0A: OpenSSL's TLS part; the other six digits are the reason
    const std::size_t found = curl_words.find(mark);
    if (found == std::string_view::npos) return 0;
    const std::string_view digits = curl_words.substr(found + mark.size(), 6);
    unsigned reason = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), reason, 16);
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size() ? reason : 0;
}

Error no_handshake(int curl_code, std::string_view curl_words) {
    const unsigned reason = handshake_reason(curl_words);
    switch (reason) {
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
        case SSL_R_VERSION_TOO_LOW:
            return tls(curl_code,
                       "The server offers no TLS 1.2 or newer: update it, or check who intercepts the connection.");
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
            return tls(curl_code,
                       "What answers on this port speaks no TLS: check the URL's port, and the server's settings.");
        default:
            return tls(curl_code, "The TLS handshake failed (OpenSSL reason " + std::to_string(reason) +
                                      "): check the server's TLS settings, and who intercepts the connection.");
    }
}

// A proxy that does not open the tunnel has seen the server's name, and nothing else.
Error refused_by_proxy(const CurlEnd& end) {
    const std::string status = std::to_string(end.proxy_status);
    if (end.proxy_status == 407)
        return retryable(end.curl_code,
                         "The proxy wants a login (HTTP 407), so nothing was sent: give this device the proxy's user name "
                         "and password.");
    if (end.proxy_status == 511 || (end.proxy_status >= 300 && end.proxy_status <= 399))
        return retryable(end.curl_code, "The proxy answered HTTP " + status +
                                            " instead of connecting, as a captive portal does, so nothing was sent: sign in "
                                            "to the network in a browser, and try again.");
    return retryable(end.curl_code, "The proxy refused to connect (HTTP " + status +
                                        "), so nothing was sent: check the proxy's settings and what it allows.");
}

bool is_refused_by_proxy(const CurlEnd& end) {
    const bool is_refusal = end.proxy_status != 0 && (end.proxy_status < 200 || end.proxy_status > 299);
    return is_refusal && !end.is_connected;
}

Error timed_out(const CurlEnd& end) {
    const char* message =
        "The request timed out; the server may have done its work: check the network, or allow more time.";
    if (!end.is_connected)
        message = "The connection timed out before the request was sent: check the network, or allow more time.";
    if (end.has_begun)
        message =
            "The answer timed out: it began, but came too slowly to be whole. Ask for less of it, or allow more time.";
    Error error = retryable(end.curl_code, message);
    error.code = Code::timeout;
    return error;
}

Error closed(const CurlEnd& end) {
    if (end.curl_code == CURLE_RECV_ERROR && end.has_begun)
        return retryable(
            end.curl_code,
            "The connection closed in the middle of the answer; the server may have done its work: try again.");
    return retryable(end.curl_code,
                     "The connection closed before any answer came; the server may have done its work: try again.");
}

}  // namespace

Error curl_error(const CurlEnd& end) {
    const int curl_code = end.curl_code;
    if (is_refused_by_proxy(end)) return refused_by_proxy(end);
    switch (curl_code) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return retryable(curl_code, "The server's name could not be resolved: check the network and the URL's host.");
        case CURLE_COULDNT_RESOLVE_PROXY:
            return retryable(curl_code,
                             "The proxy's name could not be resolved: check the network and the proxy settings.");
        case CURLE_COULDNT_CONNECT:
            return retryable(curl_code,
                             "The server could not be connected to: check the network, the URL's port, and that it is up.");
        case CURLE_OPERATION_TIMEDOUT:
            return timed_out(end);
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
            return closed(end);
        case CURLE_PARTIAL_FILE:
            return retryable(curl_code,
                             "The connection closed before the end that the answer announced: it was cut, or its length is "
                             "wrong. The server may have done its work: try again.");
        case CURLE_PEER_FAILED_VERIFICATION:
            return untrusted(curl_code, end.verify_result);
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return tls(
                curl_code,
                "The server's public key is none of the pinned ones: check the pins, and who intercepts the connection.");
        case CURLE_SSL_CACERT_BADFILE:
            return tls(curl_code, "The CA file can't be read, or holds no certificate in PEM: check its path and content.");
        case CURLE_SSL_CONNECT_ERROR:
            return no_handshake(curl_code, end.curl_words);
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return tls(curl_code, "TLS failed in libcurl (code " + std::to_string(curl_code) +
                                      "): check the server's TLS settings and its certificate.");
        case CURLE_FILESIZE_EXCEEDED:
            return error_of(curl_code, "The answer's body is larger than this request allows: ask for less of it.");
        case CURLE_BAD_CONTENT_ENCODING:
            return error_of(curl_code,
                            "The answer's transfer encoding is damaged or unknown: check what answers at this address.");
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
            if (end.has_status)
                return error_of(
                    curl_code,
                    "The answer's headers contradict HTTP, as a malformed Content-Length does: check the server.");
            return error_of(curl_code,
                            "The server's answer is not HTTP/1.1 or newer: check the URL's port, and what answers there.");
        case CURLE_OUT_OF_MEMORY: {
            Error error = error_of(curl_code, "There is no memory for the request: send it again later.");
            error.code = Code::out_of_memory;
            return error;
        }
        default:
            return retryable(curl_code, "The request failed in libcurl (code " + std::to_string(curl_code) +
                                            "): look the code up in libcurl's list of errors, or try again.");
    }
}

tl::unexpected<Error> curl_stopped(int curl_code, std::string message) {
    return tl::unexpected(error_of(curl_code, std::move(message)));
}

}  // namespace portal
