// Portal's lifetime rule as its documentation tells it, its doubts as switches. Pure: the caller brings the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fake_portal {

inline constexpr std::int64_t hour_ms = 60LL * 60 * 1000;

// What "never refreshed past 7 days" means. Portal's text allows both.
enum class AbsoluteRule : std::uint8_t {
    reading_a,  // dead at issue + absolute
    reading_b,  // no slide from issue + absolute on, but the last one runs out
};

// Which answers slide. A 401 never does: it says that there was no authenticated request.
enum class SlideOn : std::uint8_t { success, any_answer };

struct RuleOptions {
    std::int64_t idle_ms = 24 * hour_ms;
    std::int64_t absolute_ms = 7 * 24 * hour_ms;
    AbsoluteRule absolute_rule = AbsoluteRule::reading_a;
    SlideOn slide_on = SlideOn::success;
    bool revoke_on_mint = false;
    std::uint64_t seed = 1;  // the same seed makes the same ids and tokens, in the same order
};

struct Counters {
    std::uint64_t mints = 0;
    std::uint64_t requests = 0;  // that carried a token, or should have
    std::uint64_t slides = 0;    // answers that moved an idle deadline
    std::uint64_t rejected = 0;  // answers with 401
};

// One token's share. It is named by its ordinal, in the order of the mints, so that no token text is shown.
struct TokenCounters {
    std::uint64_t ordinal = 0;
    std::string client_id;
    std::uint64_t requests = 0;
    std::uint64_t slides = 0;
    std::uint64_t rejected = 0;
    std::int64_t issued_ms = 0;
    std::int64_t expires_ms = 0;  // without another slide
    bool revoked = false;
};

struct Client {
    std::string id;
    std::string api_key;  // like a token, but it never expires
    std::int64_t created_ms = 0;
    bool account_abstracted = false;
    std::optional<std::size_t> last_token;
};

// The text of an id or a token: the shape of a UUID, told by the seed and the index alone.
std::string uuid_like(std::uint64_t seed, std::uint64_t index);

// Every `now_ms` is the server's own clock, which never runs backwards.
class Rule {
public:
    explicit Rule(RuleOptions options = {});

    // The new client has no token yet.
    const Client& create_client(std::int64_t now_ms, bool account_abstracted = false);

    // A new token of that client, issued and slid now; nothing where there is no such client.
    std::optional<std::string> mint(std::string_view client_id, std::int64_t now_ms);

    // Whose request this is; null where the credential is unknown, expired or revoked.
    [[nodiscard]] const Client* authenticate(std::string_view credential, std::int64_t now_ms) const;

    // Whether this was ever a token or a client's API key, dead or alive.
    [[nodiscard]] bool knows(std::string_view credential) const;

    // A request arrived; it says nothing of an answer, so one that is lost on the way counts too.
    void received(std::string_view credential);

    // The server answered a request that arrived at `now_ms`: a live token slides if the rule says so.
    void answered(std::string_view credential, int status, std::int64_t now_ms);

    // A whole request at once, for simulations: the status given if the credential is live, else 401.
    int request(std::string_view credential, std::int64_t now_ms, int status_if_live = 200);

    // The first instant at which the token is not accepted any more, without another slide.
    [[nodiscard]] std::optional<std::int64_t> expires_ms(std::string_view token) const;

    [[nodiscard]] const Client* find_client(std::string_view id) const;
    [[nodiscard]] const std::deque<Client>& clients() const { return clients_; }
    [[nodiscard]] const Counters& totals() const { return totals_; }
    [[nodiscard]] std::vector<TokenCounters> by_token() const;

private:
    struct Token {
        std::size_t client = 0;
        std::int64_t issued_ms = 0;
        std::int64_t slid_ms = 0;
        bool revoked = false;
        std::uint64_t requests = 0;
        std::uint64_t slides = 0;
        std::uint64_t rejected = 0;
    };

    [[nodiscard]] const Token* find_token(std::string_view text) const;
    [[nodiscard]] Token* find_token(std::string_view text);
    [[nodiscard]] std::int64_t expiry_of(const Token& token) const;
    [[nodiscard]] bool is_live(const Token& token, std::int64_t now_ms) const;
    [[nodiscard]] std::string next_text();

    RuleOptions options_;
    std::deque<Client> clients_;  // never moved: references to one stay good
    std::vector<Token> tokens_;
    std::unordered_map<std::string, std::size_t> client_by_id_;
    std::unordered_map<std::string, std::size_t> client_by_api_key_;
    std::unordered_map<std::string, std::size_t> token_by_text_;
    Counters totals_;
    std::uint64_t texts_made_ = 0;
};

}  // namespace fake_portal
