// The side of a session that callers' threads touch: the published token, the slide cell, and the fence by which a report,
// a push or a clear takes effect before it returns. Reading takes no lock; the worker, and a clear, write.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "engine/double_buffered_seqlock.hpp"
#include "engine/fence.hpp"
#include "session/effect.hpp"
#include "session/machine.hpp"

namespace portal {

struct Lease {
    bool overdue = false;
    bool memory_only = false;
    std::uint64_t generation = 0;
    std::uint64_t epoch = 0;
    std::int64_t sent_boot_ms = 0;
    std::int64_t sent_unix_ms = 0;
    std::uint64_t boot_tag = 0;
    std::int64_t left_ms = 0;  // to the nearer deadline
};

// What a call has left for the worker to do.
enum class Wake : std::uint8_t { none, prepare, recheck, accepted };

struct StatusView {
    Snapshot snapshot;
    Assessment token;  // where there is one
    State state = State::unknown;
    Reason reason = Reason::loading;
    Reading now;
};

class PublishedToken {
public:
    // `epoch`: the session's first one, provisional where a record is yet to be read.
    PublishedToken(const Policy& policy, std::string client_id, std::uint64_t epoch);
    ~PublishedToken();
    PublishedToken(const PublishedToken&) = delete;
    PublishedToken& operator=(const PublishedToken&) = delete;

    // ---- callers, on any thread ----

    // The token that is good at `now_boot_ms`. `length`: room in, bytes out (or needed). A null `token` asks for the lease
    // alone. ok, no_token, buffer_too_small or closed.
    [[nodiscard]] Code read(std::int64_t now_boot_ms, Lease& lease, char* token, std::size_t* length, Wake& wake) const;

    // The same for a token that is good and needs nothing: false says no more than "ask read".
    [[nodiscard]] bool read_at_once(std::int64_t now_boot_ms, Lease& lease, char* token, std::size_t* length) const;

    // Queues an event for the worker under its ticket. It runs under the lock that orders tickets and events, and must not
    // throw: whatever can is done before.
    using Post = std::function<void(Fence::Ticket)>;

    // A 2xx raises the slide. Reports of another generation change nothing; of an older epoch: stale.
    [[nodiscard]] Code accepted(const Lease& lease, std::int64_t now_boot_ms, Wake& wake);
    // A 401: no later read gives that token. Posts unless the report cannot concern what the worker has, or repeats one that
    // the worker has yet to judge. ok, stale or closed.
    [[nodiscard]] Code rejected(const Lease& lease, const Post& post);
    // A push: no later read gives the token that is published now, unless the worker judges that it lives. `expected_epoch`:
    // 0: any. ok, stale or closed.
    [[nodiscard]] Code push(std::uint64_t expected_epoch, const Post& post);
    // A logout: wipes what is published; `then_push`, if any, follows in the same step. `expected_epoch` as for a push. ok,
    // stale or closed.
    [[nodiscard]] Code clear(const Post& post, const Post& then_push = nullptr, std::uint64_t expected_epoch = 0);
    // False: it was closed before. After it, nothing else is posted.
    bool close(const Post& post);
    // In a forked child a session of before is closed: the page that holds the word is empty there.
    [[nodiscard]] bool is_closed() const { return pages_->is_open.load(std::memory_order_acquire) == 0; }

    // Whether a token that a step of the worker has made for a caller may be handed over now. ok, cleared or closed; stale:
    // a report or a push came after the step, so the caller must wait for the worker's next word.
    [[nodiscard]] Code admit(Fence::Ticket judged, const Fence::Token& token) const;

    [[nodiscard]] StatusView status(const Reading& now) const;
    [[nodiscard]] bool is_stale(const Lease& lease) const;
    // Whether a token of that client could be taken (an empty id: any).
    [[nodiscard]] bool accepts_client(const std::string& client_id) const;
    // Whether it is the very token that is there and no longer good.
    [[nodiscard]] bool is_spent(std::string_view token, const Reading& now) const;

    // ---- the worker ----

    // `judged`: the last ticket that the step behind it had judged.
    void publish(const effect::Publish& published, const Reading& now, Fence::Ticket judged);
    void judge(Fence::Ticket ticket);
    // The newest slide in the cell, for the machine.
    void read_slide(Moment& moment) const;

private:
    static constexpr std::size_t token_words = max_token_bytes / sizeof(std::uint64_t);

    // What each read looks at.
    struct Hot {
        std::uint64_t edition = 0;  // grows with each token that is published, and after each mark
        std::uint64_t generation = 0;
        std::uint64_t epoch = 0;
        std::uint64_t boot_tag = 0;
        std::int64_t slid_boot_ms = 0;
        std::int64_t attention_boot_ms = 0;  // the first of Cold's instants: before it only the idle deadline counts
        std::int64_t absolute_deadline_boot_ms = 0;
        std::int64_t wall_minus_boot_ms = 0;
        std::uint64_t token_length = 0;  // 0: there is none that may be read
        std::uint64_t memory_only = 0;
    };
    // What a read looks at past the first of these instants, and a report.
    struct Cold {
        std::int64_t absolute_limit_boot_ms = never_ms;  // less the margin; an untrusted token is past it
        std::int64_t lead_boot_ms = never_ms;
        std::int64_t recheck_boot_ms = never_ms;
        std::int64_t overdue_until_boot_ms = 0;
        std::int64_t slide_due_boot_ms = never_ms;
        // Of the epochs that leases name: those below the first are over; of the provisional ones only this is not.
        std::uint64_t least_epoch = 0;
        std::uint64_t provisional_epoch = 0;
        // Of the token's names: see TokenNames.
        std::uint64_t first_epoch = 0;
        std::uint64_t first_generation = 0;
        std::uint64_t is_known = 0;  // 0: the record was not read yet, so that the machine alone can judge a report
    };
    struct Published {
        Hot hot;
        Cold cold;
        std::uint64_t token[token_words] = {};
    };
    struct PublishedStatus {
        Snapshot snapshot;
        Reading at;
    };
    using Slots = DoubleBufferedSeqlock<Published>;
    // On pages of secrets.
    struct Pages {
        std::atomic<std::uint64_t> is_open{1};
        Slots slots;
    };

    // The slide cell: 42 bits of milliseconds are 139 years since boot; 22 bits of editions are four million tokens in one
    // process.
    static constexpr unsigned slide_bits = 42;
    static constexpr std::uint64_t slide_mask = (std::uint64_t{1} << slide_bits) - 1;
    static std::uint64_t slide_word(std::uint64_t edition, std::int64_t boot_ms);

    static void copy_token(const Slots::Slot& slot, char* token, std::size_t length);
    [[nodiscard]] Hot hot() const;
    [[nodiscard]] Cold cold() const;
    [[nodiscard]] TokenNames names() const;  // of the token that is published
    [[nodiscard]] static bool is_stale(const Cold& current, std::uint64_t epoch);
    [[nodiscard]] Code accepted_of_another(const Lease& lease, Wake& wake) const;
    [[nodiscard]] std::int64_t slide_of(std::uint64_t edition, std::int64_t slid_boot_ms) const {
        const std::uint64_t word = slide_.load(std::memory_order_acquire);
        if (word >> slide_bits != edition) return slid_boot_ms;
        return std::max(slid_boot_ms, static_cast<std::int64_t>(word & slide_mask));
    }
    [[nodiscard]] std::int64_t slide_of(const Slots::Slot& slot) const;
    [[nodiscard]] bool is_good(const Slots::Slot& slot, std::int64_t now_boot_ms, std::int64_t slid_boot_ms) const;
    [[nodiscard]] Code judge(const Slots::Look& look, std::int64_t now_boot_ms, Lease& lease, Wake& wake) const;
    void fill_lease(const Slots::Slot& slot, std::int64_t now_boot_ms, std::int64_t slid_boot_ms, Lease& lease) const;
    [[nodiscard]] bool is_rejected(const Hot& current) const;
    void write(Published& next, bool is_dead);
    void wipe_published();

    const Policy policy_;
    const std::int64_t idle_less_margin_ms_;
    Pages* const pages_;
    DoubleBufferedSeqlock<PublishedStatus> status_;
    std::atomic<std::uint64_t> slide_{0};         // edition above, boot milliseconds below
    std::atomic<std::uint64_t> dead_edition_{0};  // this edition and the older ones are dead
    mutable std::atomic<std::uint64_t> prepared_{0};   // the publication whose lead has woken the worker
    mutable std::atomic<std::uint64_t> rechecked_{0};  // likewise for reading the record again
    std::atomic<std::uint64_t> rejected_generation_{0};  // the last one that a report has marked dead

    mutable std::mutex writing_;  // orders tickets, their events and publications; never held by a reader
    Fence fence_;
    std::uint64_t edition_ = 0;
    std::string client_id_;
    SharedSecret token_;  // the last one that was published, good or not; until clear
};

}  // namespace portal
