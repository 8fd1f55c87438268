#include "session/merge.hpp"

#include <algorithm>

#include "session/backoff.hpp"

namespace portal {
namespace {

// One token's times as two processes know them. Anchors of this boot are trusted and beat any others; of two trusted ones,
// the later slide wins.
void take_better_times(Record& record, const Record& theirs, const Reading& now) {
    const bool ours_are_trusted = record.slid.boot_tag == now.boot_tag;
    const bool theirs_are_trusted = theirs.slid.boot_tag == now.boot_tag;
    if (theirs_are_trusted && !ours_are_trusted) {
        record.issued = theirs.issued;
        record.slid = theirs.slid;
    } else if (theirs_are_trusted == ours_are_trusted) {
        const bool is_later =
            ours_are_trusted ? theirs.slid.boot_ms > record.slid.boot_ms : theirs.slid.unix_ms > record.slid.unix_ms;
        if (is_later) record.slid = theirs.slid;
    }
}

const Backoff& longer(const Backoff& ours, const Backoff& theirs, const Reading& now) {
    if (theirs.boot_tag != now.boot_tag) return ours;
    if (ours.boot_tag != now.boot_tag) return theirs;
    return theirs.not_before_boot_ms > ours.not_before_boot_ms ? theirs : ours;
}

const RejectionBucket& fuller(const RejectionBucket& ours, const RejectionBucket& theirs, const Reading& now) {
    return rejection_debt(theirs, now) > rejection_debt(ours, now) ? theirs : ours;
}

void take_token(Record& record, const Record& from) {
    record.generation = from.generation;
    record.state = from.state;
    record.token = from.token;
    if (!from.client_id.empty()) record.client_id = from.client_id;  // bound until the next epoch
    record.issued = from.issued;
    record.slid = from.slid;
    record.backoff = from.backoff;
}

bool theirs_win_the_token(const Record& ours, const Record& theirs, const Ours& claims) {
    if (claims.knows_nothing) return true;
    const bool is_rejected = ours.state == TokenState::rejected;  // then its number alone counts: callers know it
    if (claims.token_is_new && claims.token_was_given && !is_rejected) return false;
    if (claims.token_is_new && !claims.token_was_given) return theirs.generation >= ours.generation;
    return theirs.generation > ours.generation;
}

// The stored record is of the same epoch.
Merged merge_token(const Record& ours, const Record& theirs, const Ours& claims, const Reading& now) {
    Merged result{ours, false, false, false};
    Record& record = result.record;
    if (theirs_win_the_token(ours, theirs, claims)) {
        take_token(record, theirs);
        result.token_is_theirs = true;
    } else if (claims.token_is_new) {
        record.generation = std::max(ours.generation, theirs.generation + 1);
    } else if (theirs.generation == ours.generation) {
        take_better_times(record, theirs, now);
        if (theirs.state == TokenState::rejected) record.state = TokenState::rejected;
        record.backoff = longer(ours.backoff, theirs.backoff, now);
    }
    return result;
}

// Whether others have something to learn. A later slide is saved in its own time; what is void is not worth a save.
bool tells_more(const Record& record, const Record& theirs, const Reading& now) {
    const auto differs = [&](const auto& ours, const auto& stored) {
        return ours.boot_tag == now.boot_tag && ours != stored;
    };
    return record.epoch != theirs.epoch || record.generation != theirs.generation || record.state != theirs.state ||
           record.client_id != theirs.client_id || differs(record.backoff, theirs.backoff) ||
           differs(record.rejections, theirs.rejections);
}

}  // namespace

bool is_live(const Claim& claim, const Reading& now) {
    return claim.owner != 0 && claim.boot_tag == now.boot_tag && claim.started_boot_ms <= now.boot_ms &&
           now.boot_ms < claim.limit_boot_ms;
}

// A side whose epoch loses gives nothing but its place in the store: whatever it says may be forged or void.
Merged merge(const Record& ours, const Record& theirs, const Ours& claims, const Reading& now) {
    Record known = ours;
    const bool signed_out_there = theirs.state == TokenState::signed_out;
    const bool clear_is_done = claims.cleared_unread && signed_out_there && theirs.epoch >= ours.epoch;
    if (clear_is_done)
        known.epoch = theirs.epoch;  // a further one would void what came after theirs
    else if (claims.cleared_unread)
        known.epoch = std::max(ours.epoch, theirs.epoch + 1);

    Merged result;
    if (theirs.epoch > known.epoch) {
        result.record = theirs;
        result.token_is_theirs = true;
        result.cleared_by_them = ours.state != TokenState::none || ours.epoch != 0;
    } else if (clear_is_done && !claims.token_is_new) {
        result.record = theirs;
        result.token_is_theirs = true;
    } else if (theirs.epoch < known.epoch || clear_is_done) {
        result.record = known;
        result.record.generation = std::max(known.generation, theirs.generation + (claims.token_is_new ? 1 : 0));
    } else {
        result = merge_token(known, theirs, claims, now);
        result.record.rejections = fuller(ours.rejections, theirs.rejections, now);
    }
    result.clear_is_done = clear_is_done;
    Record& record = result.record;
    record.version = theirs.version;
    if (!signed_out_there) record.install_seed = theirs.install_seed;
    else record.install_seed = ours.install_seed;
    const bool theirs_counts = theirs.epoch >= known.epoch;
    const bool foreign = theirs_counts && theirs.claim.owner != claims.owner && is_live(theirs.claim, now);
    record.claim = foreign ? theirs.claim : ours.claim.owner == claims.owner ? ours.claim : Claim{};
    result.differs_from_theirs = tells_more(record, theirs, now);
    return result;
}

}  // namespace portal
