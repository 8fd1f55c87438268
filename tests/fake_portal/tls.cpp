#include "fake_portal/tls.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string_view>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace fake_portal {
namespace {

constexpr long day_s = 24L * 60 * 60;

template <auto free_function>
struct Free {
    template <typename T>
    void operator()(T* object) const {
        free_function(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;

void require(bool ok, const char* step) {
    if (!ok) throw std::runtime_error(std::string("fake Portal's certificates: ") + step + " failed");
}

struct Validity {
    long from_s;  // from now
    long to_s;
};

Key make_key(CertificateKind kind = CertificateKind::good) {
    Key key(kind == CertificateKind::weak_key ? EVP_RSA_gen(1024) : EVP_EC_gen("P-256"));
    require(key != nullptr, "making a key");
    return key;
}

// A certificate without extensions and signature.
Certificate make_certificate(EVP_PKEY* key, const char* name, Validity validity) {
    Certificate certificate(X509_new());
    require(certificate != nullptr, "allocation");
    X509* x = certificate.get();
    std::uint64_t serial = 0;
    require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "randomness");
    X509_NAME* subject = X509_get_subject_name(x);
    const auto* name_bytes = reinterpret_cast<const unsigned char*>(name);
    const bool filled =
        X509_set_version(x, X509_VERSION_3) == 1 && ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial >> 1) == 1 &&
        X509_gmtime_adj(X509_getm_notBefore(x), validity.from_s) != nullptr &&
        X509_gmtime_adj(X509_getm_notAfter(x), validity.to_s) != nullptr &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name_bytes, -1, -1, 0) == 1 && X509_set_pubkey(x, key) == 1;
    require(filled, "filling in a certificate");
    return certificate;
}

void add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
    require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, "adding an extension");
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* issuer_key) {
    require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1, "naming the issuer");
    require(X509_sign(certificate, issuer_key, EVP_sha256()) > 0, "signing");
}

Certificate make_ca(EVP_PKEY* key) {
    Certificate ca = make_certificate(key, "fake Portal CA", {-4 * day_s, 30 * day_s});
    add_extension(ca.get(), ca.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
    add_extension(ca.get(), ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    add_extension(ca.get(), ca.get(), NID_subject_key_identifier, "hash");
    sign(ca.get(), ca.get(), key);
    return ca;
}

Certificate make_leaf(CertificateKind kind, EVP_PKEY* key, X509* ca, EVP_PKEY* ca_key) {
    const Validity validity =
        kind == CertificateKind::expired ? Validity{-3 * day_s, -day_s} : Validity{-day_s, 30 * day_s};
    const char* names = kind == CertificateKind::wrong_name ? "DNS:elsewhere.invalid" : "IP:127.0.0.1,IP:::1,DNS:localhost";
    Certificate leaf = make_certificate(key, "fake Portal", validity);
    add_extension(leaf.get(), ca, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(leaf.get(), ca, NID_key_usage, "critical,digitalSignature");
    add_extension(leaf.get(), ca, NID_ext_key_usage, "serverAuth");
    add_extension(leaf.get(), ca, NID_subject_alt_name, names);
    add_extension(leaf.get(), ca, NID_subject_key_identifier, "hash");
    add_extension(leaf.get(), ca, NID_authority_key_identifier, "keyid:always");
    sign(leaf.get(), ca, ca_key);
    return leaf;
}

template <typename Write>
std::string to_pem(Write write) {
    const Bio bio(BIO_new(BIO_s_mem()));
    require(bio != nullptr && write(bio.get()) == 1, "writing PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    return {data, static_cast<std::size_t>(size)};
}

std::string certificate_pem(X509* certificate) {
    return to_pem([certificate](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}

// A file of an earlier run is replaced, never written into: its mode and its readers may be others.
std::string write_file(const std::string& path, std::string_view text, mode_t mode) {
    ::unlink(path.c_str());
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    require(file >= 0, "creating a file");
    const bool whole = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    require(::close(file) == 0 && whole, "writing a file");
    return path;
}

}  // namespace

TlsPem make_certificates(CertificateKind kind) {
    const Key ca_key = make_key();
    const Certificate ca = make_ca(ca_key.get());
    const Key key = make_key(kind);
    const Certificate leaf = make_leaf(kind, key.get(), ca.get(), ca_key.get());
    TlsPem pem;
    pem.ca = certificate_pem(ca.get());
    pem.certificate = certificate_pem(leaf.get());
    pem.key = to_pem(
        [&key](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    return pem;
}

TlsFiles write_certificates(const std::string& directory, const TlsPem& pem) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    require(!error, "making the directory");
    return {write_file(directory + "/ca.pem", pem.ca, 0644), write_file(directory + "/server.pem", pem.certificate, 0644),
            write_file(directory + "/server.key", pem.key, 0600)};
}

}  // namespace fake_portal
