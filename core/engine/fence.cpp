#include "engine/fence.hpp"

#include <algorithm>

namespace portal {

Fence::Rejection Fence::reject(const Token& token, const TokenNames& names) {
    const auto same =
        std::find_if(rejected_.begin(), rejected_.end(), [&](const Rejected& one) { return one.ticket != 0 && one.token == token; });
    if (same != rejected_.end()) {
        if (same->ticket > judged_) return {same->ticket, false};
        same->ticket = ++last_;
        same->names = names;
        return {last_, true};
    }
    const auto oldest = std::min_element(rejected_.begin(), rejected_.end(),
                                         [](const Rejected& a, const Rejected& b) { return a.ticket < b.ticket; });
    forgotten_ = std::max(forgotten_, oldest->ticket);
    *oldest = {++last_, token, names};
    return {last_, true};
}

Fence::Passage Fence::passage(Ticket judged, const TokenNames& token) const {
    if (last_clear_ > judged) return Passage::cleared;
    if (last_push_ > judged || forgotten_ > judged) return Passage::dead;
    const bool is_rejected = std::any_of(rejected_.begin(), rejected_.end(), [&](const Rejected& one) {
        const bool is_exempt = one.token.epoch == token.last.epoch && !token.overlap(one.names);
        return one.ticket > judged && !is_exempt;
    });
    return is_rejected ? Passage::dead : Passage::open;
}

}  // namespace portal
