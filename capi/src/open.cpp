// portal_session_open: the options, checked and composed into an engine and a client.
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "engine/runtime.hpp"
#include "host_parts.hpp"
#include "http/allow_list.hpp"
#include "session.hpp"
#if defined(PORTAL_SESSION_WITH_HTTP)
#include "http/curl_transport.hpp"
#endif
#if defined(PORTAL_SESSION_WITH_FILE_STORE)
#include "store/aes_gcm_cipher.hpp"
#include "store/file_store.hpp"
#include "store/posix_file_system.hpp"
#endif

namespace portal::capi {
namespace {

constexpr const char* default_portal_url = "https://api.portalhq.io";
constexpr std::size_t most_listed = 1024;  // hosts, pins: more is a length that was never set
constexpr std::size_t max_listed_bytes = 1024;
constexpr std::size_t max_path_bytes = 4096;

// The system would take a path for what stands before its NUL.
Result<void> check_path(portal_text path, const char* what) {
    if (auto checked = check_length(path, max_path_bytes, what); !checked) return checked;
    if (view(path).find('\0') == std::string_view::npos) return {};
    return invalid(std::string(what) + " has a NUL inside: pass the path's true length.");
}

// Base64 of 32 bytes: 43 characters of its alphabet, the last of which has no bits behind the end, and one '='.
bool is_pin(std::string_view text) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() != 44 || text.back() != '=') return false;
    text.remove_suffix(1);
    return text.find_first_not_of(alphabet) == std::string_view::npos && alphabet.find(text.back()) % 4 == 0;
}

Result<std::vector<std::string>> texts(const portal_text* first, std::size_t count, const char* what) {
    if (count > most_listed || (first == nullptr && count != 0))
        return invalid(std::string(what) + " is NULL or its count is wrong: pass that many texts.");
    std::vector<std::string> result;
    for (std::size_t i = 0; i < count; ++i) {
        if (auto checked = check_length(first[i], max_listed_bytes, what); !checked)
            return tl::unexpected<Error>(std::move(checked.error()));
        result.emplace_back(view(first[i]));
    }
    return result;
}

Result<Policy> policy_of(const portal_options& options) {
    return make_policy({options.idle_ms, options.absolute_ms, options.margin_ms, options.soft_window_ms,
                        options.renewal_lead_ms, options.request_timeout_ms});
}

Result<std::shared_ptr<RecordStore>> make_store(const portal_options& options, const HostOptions& held,
                                                const std::string& name, const std::shared_ptr<HostKey>& key,
                                                Runtime& runtime) {
    const bool has_store = options.store.load != nullptr;
    const bool has_directory = !view(options.directory).empty();
    if (has_store && has_directory) return invalid("Both `directory` and `store` are given: choose one.");
    if (has_store && options.store.save == nullptr) return invalid("store.save is NULL: a store needs both load and save.");
    if (has_directory && key == nullptr)
        return invalid("`directory` is given without `key`: supply 32 bytes of key, since the file is encrypted.");
    if (has_store || key != nullptr) runtime.host()->start();
    if (has_store) return std::make_shared<HostStore>(name, std::make_shared<StoreCalls>(held.store), runtime.host());
    if (!has_directory) return nullptr;
#if defined(PORTAL_SESSION_WITH_FILE_STORE)
    runtime.store()->start();
    return std::make_shared<FileStore>(std::string(view(options.directory)), name, std::make_shared<PosixFileSystem>(),
                                       std::make_shared<AesGcmCipher>(), key, runtime.store());
#else
    return fail(Code::unsupported, "This build has no file store: supply `store`, or use the full flavour.");
#endif
}

Result<std::shared_ptr<Transport>> make_transport(const portal_options& options, const HostOptions& held,
                                                  const std::shared_ptr<Runtime>& runtime) {
    auto pins = texts(options.spki_pins, options.spki_pin_count, "spki_pins");
    if (!pins) return tl::unexpected<Error>(std::move(pins.error()));
    for (const std::string& pin : *pins)
        if (!is_pin(pin))
            return invalid("A pin is not base64 of a SHA-256: pass 44 characters that end in '='.");
    const bool has_tls_options = !view(options.ca_file).empty() || !pins->empty();
    if (options.transport.send != nullptr) {
        if (has_tls_options)
            return fail(Code::unsupported,
                        "ca_file and spki_pins are for the library's own transport: set them up in yours.");
        return std::make_shared<HostTransport>(held.transport, runtime);
    }
#if defined(PORTAL_SESSION_WITH_HTTP)
    return std::shared_ptr<Transport>(make_curl_transport({std::string(view(options.ca_file)), std::move(*pins)}));
#else
    if (has_tls_options)
        return fail(Code::unsupported,
                    "This build has no transport of its own, so ca_file and spki_pins have no use: supply `transport`.");
    return nullptr;
#endif
}

Result<void> check_plain(const portal_options& options) {
    if ((options.flags & ~PORTAL_ALLOW_LOOPBACK) != 0)
        return invalid("options.flags has a bit that this library does not know: clear it, or update the library.");
    if (const auto checked = check_session_name(view(options.name)); !checked) return checked;
    if (!view(options.client_id).empty())
        if (const auto checked = check_client_id(view(options.client_id)); !checked) return checked;
    if (const auto checked = check_path(options.directory, "directory"); !checked) return checked;
    if (const auto checked = check_path(options.ca_file, "ca_file"); !checked) return checked;
    if (const auto checked = check_role(view(options.role)); !checked) return checked;
    if (options.log.level < PORTAL_LEVEL_OFF || options.log.level > PORTAL_LEVEL_DEBUG)
        return invalid("log.level is none of PORTAL_LEVEL_*: pass one of them.");
    return {};
}

// What tells this session from others of its name: a lease of one is refused by the other. An app's folder moves with its
// container, so of a directory only the last component counts.
std::string place_of(const portal_options& options) {
    if (options.store.load != nullptr) return "host";
    std::string_view directory = view(options.directory);
    if (directory.empty()) return "memory";
    while (directory.size() > 1 && directory.back() == '/') directory.remove_suffix(1);
    return "file " + std::string(directory.substr(directory.rfind('/') + 1));
}

std::string origin_of(const Url& url) { return url.scheme + "://" + url.host + ":" + std::to_string(url.port); }

}  // namespace

std::shared_ptr<const HostOptions> hold(const portal_options* options) {
    return check_size(options, "options") ? std::make_shared<HostOptions>(*options) : nullptr;
}

Result<portal_session*> open_session(const portal_options& options, std::shared_ptr<const HostOptions> held) {
    // What is refused by itself costs no thread.
    if (const auto checked = check_plain(options); !checked) return tl::unexpected<Error>(checked.error());
    const auto policy = policy_of(options);
    if (!policy) return tl::unexpected<Error>(policy.error());
    const auto hosts = texts(options.allowed_hosts, options.allowed_host_count, "allowed_hosts");
    if (!hosts) return tl::unexpected<Error>(hosts.error());
    const auto portal_url =
        parse_base_url(view(options.portal_url).empty() ? default_portal_url : view(options.portal_url));
    if (!portal_url) return tl::unexpected<Error>(portal_url.error());
    const bool allow_loopback = (options.flags & PORTAL_ALLOW_LOOPBACK) != 0;
    auto allowed = AllowList::make(*hosts, allow_loopback, *portal_url);
    if (!allowed) return tl::unexpected<Error>(std::move(allowed.error()));

    const auto runtime = Runtime::get();
    const std::string name = view(options.name).empty() ? "default" : std::string(view(options.name));
    std::shared_ptr<HostKey> key;
    if (options.key.load != nullptr) key = std::make_shared<HostKey>(held->key, name, runtime->host());
    auto store = make_store(options, *held, name, key, *runtime);
    if (!store) return tl::unexpected<Error>(std::move(store.error()));
    auto transport = make_transport(options, *held, runtime);
    if (!transport) return tl::unexpected<Error>(std::move(transport.error()));

    std::shared_ptr<HostClock> host_clock;
    if (options.clock.read != nullptr) host_clock = std::make_shared<HostClock>(held->clock);
    EngineParts parts;
    parts.policy = *policy;
    parts.name = name;
    parts.place = place_of(options);
    parts.origin = origin_of(*portal_url);
    parts.client_id = std::string(view(options.client_id));
    parts.role = std::string(view(options.role));
    parts.clock = host_clock;
    if (host_clock == nullptr) parts.clock = std::make_shared<SystemClock>(options.boot_tag);
    parts.store = *store;
    parts.host = std::make_shared<HostParts>(std::move(held), std::move(host_clock), std::move(key));
    parts.cleared = [weak = std::weak_ptr<Transport>(*transport)] {
        if (const auto kept = weak.lock()) kept->drop_connections();
    };
    auto engine = Engine::open(std::move(parts));
    auto client = std::make_shared<Client>(engine, std::move(*transport), std::move(*allowed), *portal_url, allow_loopback);
    return new portal_session(std::move(engine), std::move(client));
}

}  // namespace portal::capi
