#include "http/curl_errors.hpp"

#include <utility>

#include <curl/curl.h>
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
                       "intercepts "
                       "the connection.");
        default:
            return tls(curl_code, "The server's certificate was refused (X.509 error " + std::to_string(verify_result) +
                                      "): check its chain and this device's date.");
    }
}

}  // namespace

Error curl_error(int curl_code, long verify_result) {
    switch (curl_code) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return retryable(curl_code, "The server's name could not be resolved: check the network and the URL's host.");
        case CURLE_COULDNT_RESOLVE_PROXY:
            return retryable(curl_code,
                             "The proxy's name could not be resolved: check the network and the proxy settings.");
        case CURLE_COULDNT_CONNECT:
            return retryable(curl_code,
                             "The server could not be connected to: check the network, the URL's port, and that it is up.");
        case CURLE_OPERATION_TIMEDOUT: {
            Error error = retryable(
                curl_code,
                "The request timed out; the server may have done its work: check the network, or allow more time.");
            error.code = Code::timeout;
            return error;
        }
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_PARTIAL_FILE:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return retryable(
                curl_code,
                "The connection closed before the answer was whole; the server may have done its work: try again.");
        case CURLE_PEER_FAILED_VERIFICATION:
            return untrusted(curl_code, verify_result);
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            return tls(
                curl_code,
                "The server's public key is none of the pinned ones: check the pins, and who intercepts the connection.");
        case CURLE_SSL_CACERT_BADFILE:
            return tls(curl_code, "The CA file can't be read, or holds no certificate in PEM: check its path and content.");
        case CURLE_SSL_CONNECT_ERROR:
            return tls(curl_code,
                       "The TLS handshake failed: the server offers no TLS 1.2 or newer, or speaks no TLS on this port. "
                       "Check both.");
        case CURLE_SSL_CERTPROBLEM:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_ISSUER_ERROR:
        case CURLE_SSL_INVALIDCERTSTATUS:
            return tls(curl_code, "TLS failed in libcurl (code " + std::to_string(curl_code) +
                                      "): check the server's TLS settings and its certificate.");
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_WEIRD_SERVER_REPLY:
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
