#include "fake_portal/rule.hpp"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "base/random.hpp"

namespace fake_portal {
namespace {

constexpr int unauthorized = 401;

bool is_success(int status) { return status >= 200 && status < 300; }

}  // namespace

std::string uuid_like(std::uint64_t seed, std::uint64_t index) {
    const std::uint64_t high = portal::mix(seed ^ portal::mix(2 * index));
    const std::uint64_t low = portal::mix(seed ^ portal::mix(2 * index + 1));
    char text[37];
    std::snprintf(text, sizeof text, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-8%03" PRIx64 "-%012" PRIx64, high >> 32,
                  (high >> 16) & 0xffff, high & 0xfff, low >> 52, low & 0xffff'ffff'ffff);
    return text;
}

Rule::Rule(RuleOptions options) : options_(options) {}

const Client& Rule::create_client(std::int64_t now_ms, bool account_abstracted) {
    Client client;
    client.id = next_text();
    client.api_key = next_text();
    client.created_ms = now_ms;
    client.account_abstracted = account_abstracted;
    client_by_id_.emplace(client.id, clients_.size());
    client_by_api_key_.emplace(client.api_key, clients_.size());
    return clients_.emplace_back(std::move(client));
}

std::optional<std::string> Rule::mint(std::string_view client_id, std::int64_t now_ms) {
    const auto found = client_by_id_.find(std::string(client_id));
    if (found == client_by_id_.end()) return std::nullopt;
    Client& client = clients_[found->second];
    // Those before the last one were revoked when it was made.
    if (options_.revoke_on_mint && client.last_token) tokens_[*client.last_token].revoked = true;
    client.last_token = tokens_.size();

    std::string text = next_text();
    token_by_text_.emplace(text, tokens_.size());
    Token token;
    token.client = found->second;
    token.issued_ms = now_ms;
    token.slid_ms = now_ms;
    tokens_.push_back(token);
    ++totals_.mints;
    return text;
}

const Client* Rule::authenticate(std::string_view credential, std::int64_t now_ms) const {
    if (const Token* token = find_token(credential)) return is_live(*token, now_ms) ? &clients_[token->client] : nullptr;
    const auto found = client_by_api_key_.find(std::string(credential));
    return found == client_by_api_key_.end() ? nullptr : &clients_[found->second];
}

bool Rule::knows(std::string_view credential) const {
    return find_token(credential) != nullptr || client_by_api_key_.contains(std::string(credential));
}

void Rule::received(std::string_view credential) {
    ++totals_.requests;
    if (Token* token = find_token(credential)) ++token->requests;
}

void Rule::answered(std::string_view credential, int status, std::int64_t now_ms) {
    Token* token = find_token(credential);
    if (status == unauthorized) {
        ++totals_.rejected;
        if (token != nullptr) ++token->rejected;
        return;
    }
    if (token == nullptr || !is_live(*token, now_ms)) return;
    if (options_.slide_on == SlideOn::success && !is_success(status)) return;
    if (now_ms >= token->issued_ms + options_.absolute_ms) return;
    token->slid_ms = std::max(token->slid_ms, now_ms);
    ++token->slides;
    ++totals_.slides;
}

int Rule::request(std::string_view credential, std::int64_t now_ms, int status_if_live) {
    const int status = authenticate(credential, now_ms) != nullptr ? status_if_live : unauthorized;
    received(credential);
    answered(credential, status, now_ms);
    return status;
}

std::optional<std::int64_t> Rule::expires_ms(std::string_view token) const {
    const Token* found = find_token(token);
    if (found == nullptr) return std::nullopt;
    return expiry_of(*found);
}

const Client* Rule::find_client(std::string_view id) const {
    const auto found = client_by_id_.find(std::string(id));
    return found == client_by_id_.end() ? nullptr : &clients_[found->second];
}

std::vector<TokenCounters> Rule::by_token() const {
    std::vector<TokenCounters> all;
    all.reserve(tokens_.size());
    for (const Token& token : tokens_) {
        all.push_back({all.size() + 1, clients_[token.client].id, token.requests, token.slides, token.rejected,
                       token.issued_ms, expiry_of(token), token.revoked});
    }
    return all;
}

const Rule::Token* Rule::find_token(std::string_view text) const {
    const auto found = token_by_text_.find(std::string(text));
    return found == token_by_text_.end() ? nullptr : &tokens_[found->second];
}

Rule::Token* Rule::find_token(std::string_view text) { return const_cast<Token*>(std::as_const(*this).find_token(text)); }

std::int64_t Rule::expiry_of(const Token& token) const {
    const std::int64_t idle_end = token.slid_ms + options_.idle_ms;
    if (options_.absolute_rule == AbsoluteRule::reading_b) return idle_end;
    return std::min(idle_end, token.issued_ms + options_.absolute_ms);
}

bool Rule::is_live(const Token& token, std::int64_t now_ms) const { return !token.revoked && now_ms < expiry_of(token); }

std::string Rule::next_text() { return uuid_like(options_.seed, ++texts_made_); }

}  // namespace fake_portal
