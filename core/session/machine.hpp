// The session machine: every decision of the product, as a pure function of its state, an event and a reading.
// No I/O, clock, thread or lock: the engine feeds it and carries out its effects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "session/effect.hpp"
#include "session/event.hpp"

namespace portal {

inline constexpr std::int64_t force_every_ms = 10 * second_ms;
inline constexpr std::int64_t wake_grace_ms = 5 * second_ms;
inline constexpr std::int64_t frozen_after_ms = 2 * second_ms;
inline constexpr std::int64_t slide_save_every_ms = 15 * minute_ms;
inline constexpr std::int64_t recheck_every_ms = minute_ms;
inline constexpr std::int64_t look_every_ms = 5 * second_ms;
inline constexpr std::int64_t store_call_limit_ms = 10 * second_ms;
inline constexpr std::int64_t store_retry_first_ms = 500;
inline constexpr std::int64_t store_retry_most_ms = 30 * second_ms;
inline constexpr std::int64_t claim_poll_first_ms = 250;
inline constexpr std::int64_t claim_poll_most_ms = 2 * second_ms;

struct MachineConfig {
    Policy policy;
    std::string client_id;        // empty: learnt from the first token
    std::uint64_t seed = 0;       // jitter, until a record brings its own
    std::uint64_t owner = 1;      // names this open's claims; never 0
    std::string origin;           // of Portal, which a record is bound to; empty: not bound
    std::string role;             // of the process, as its app names it; empty: not named
    std::int64_t process_began_boot_ms = 0;  // when this process first opened a session
    bool has_provider = true;
    bool has_store = true;        // false: the machine's own memory is the store
    bool shared_store = true;     // other processes write it too: renewals are claimed first
};

// What a step knows of the moment.
struct Moment {
    Reading reading;
    // The newest slide that reports have left in the cell, and the generation that it belongs to.
    std::uint64_t slid_generation = 0;
    std::int64_t slid_boot_ms = 0;
    bool store_is_watched = true;
};

class Machine {
public:
    explicit Machine(MachineConfig config);

    // Effects are appended in the order in which they must be carried out.
    void step(const Event& event, const Moment& moment, Effects& effects);

    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] const Record& record() const { return record_; }

private:
    struct Waiter {
        std::uint64_t id = 0;
        std::int64_t since_boot_ms = 0;
        std::int64_t deadline_boot_ms = 0;
        std::uint64_t newer_than = 0;
        std::uint64_t needs_request = 0;  // forced: the first token request that may serve it; 0: not forced
        bool without_store = false;
        bool extended = false;
        bool waited = false;
    };

    struct Request {
        std::uint64_t id = 0;
        Reason reason = Reason::none;
        std::uint64_t epoch = 0;
        std::uint64_t generation = 0;  // the newest when it was made
        Anchor made;
        std::int64_t limit_boot_ms = 0;
        bool extended = false;
        bool forced = false;
        bool resumed = false;
    };

    // A stored record that is not for this session as it was opened: another client's, another Portal's, or sealed with
    // another key. It stays as it is until a token of this session is adopted, or a clear.
    struct Standby {
        Reason reason = Reason::none;
        std::uint64_t epoch = 0;
        std::uint64_t generation = 0;
        bool replacing = false;  // a token was adopted: the next save replaces it
    };

    struct Push {
        TokenOffer offer;
        Anchor made;
    };

    enum class Phase : std::uint8_t {
        idle,
        claiming,   // our claim is on its way to the store
        asking,     // the provider has the request
        elsewhere,  // another process has a live claim
    };

    enum class StoreOperation : std::uint8_t { none, load, save };

    struct Standing {
        State state = State::unknown;
        Reason reason = Reason::loading;
        Assessment token;  // where there is one
    };

    struct Refusal {
        Code code = Code::ok;
        std::int64_t retry_after_ms = 0;
    };

    // machine.cpp: events, timers, publication
    void on(const event::Opened&);
    void on(const event::Prepare&);
    void on(const event::Accepted&);
    void on(const event::Rejected&);
    void on(const event::Cleared&);
    void on(const event::Timer&);
    void on(const event::Foreground&);
    void on(const event::Background&);
    void on(const event::StoreChanged&);
    void on(const event::StoreLooked&);
    void on(const event::ClockChanged&);
    void on(const event::Closed&);
    void keep_early(const event::Accepted& report);
    void keep_early(const event::Rejected& report);
    void sign_out(std::uint64_t least_epoch);
    void absorb_slide(const Moment& moment);
    void pass_time(bool frozen);
    void settle();
    void tell_changes();
    void publish(Effects& effects);
    void arm();
    void answer_done();
    void tell(EventKind kind, Code code = Code::ok, std::int64_t retry_after_ms = 0);
    [[nodiscard]] Standing standing() const;
    [[nodiscard]] bool has_token() const;
    [[nodiscard]] bool has_live_token() const { return has_token() && record_.state == TokenState::live; }
    [[nodiscard]] std::int64_t lead_ms() const;
    [[nodiscard]] Snapshot snapshot(const Standing& standing) const;
    [[nodiscard]] std::int64_t next_timer() const;

    // machine_waiters.cpp: who waits, and what each gets
    void on(const event::Acquire&);
    void on(const event::Cancel&);
    void serve_waiters();
    [[nodiscard]] std::optional<effect::Complete> answer_for(const Waiter& waiter, const Standing& standing) const;
    [[nodiscard]] effect::Complete answer_at_deadline(const Waiter& waiter) const;
    [[nodiscard]] bool token_serves(const Waiter& waiter) const;
    [[nodiscard]] effect::Complete with_token(const Waiter& waiter, const Standing& standing) const;
    [[nodiscard]] effect::Complete with_code(const Waiter& waiter, Code code, std::int64_t retry_after_ms = 0) const;
    void complete(const Waiter& waiter, effect::Complete answer);
    void complete_all(Code code);
    void complete_after(std::uint64_t request, Code code, std::int64_t retry_after_ms);
    [[nodiscard]] Reason need_of(const Waiter& waiter, const Standing& standing) const;

    // machine_renewal.cpp: asking for tokens, and taking them
    void on(const event::Fulfilled&);
    void on(const event::Declined&);
    void on(const event::Failed&);
    void on(const event::Pushed&);
    void renew_if_needed();
    void start_renewal(Reason reason, bool forced);
    void ask();
    [[nodiscard]] bool resume_late();
    [[nodiscard]] std::int64_t force_left() const;
    void adopt(const TokenOffer& offer, const Anchor& issued);
    void take_push(const Push& push);
    void forget_request();
    void count_mint(Reason reason);
    [[nodiscard]] bool is_forced_by_somebody(std::uint64_t request) const;
    [[nodiscard]] Code judge_offer(const TokenOffer& offer, const Anchor& issued) const;
    void fail_request(const Request& request, const ProviderFailure& failure);
    void withdraw_request();
    void end_claim();
    [[nodiscard]] std::optional<Request> take_request(std::uint64_t id);
    [[nodiscard]] std::int64_t overdue_until_boot_ms() const;
    [[nodiscard]] Refusal refusal(bool forced, bool because_rejected) const;
    [[nodiscard]] Renewal renewal() const;
    [[nodiscard]] Reason due_reason(const Standing& standing) const;

    // machine_store.cpp: the record and its store
    void on(const event::Loaded&);
    void on(const event::Saved&);
    void first_answer();
    void learn_numbers(std::uint64_t epoch, std::uint64_t generation);
    void rebase_requests();
    [[nodiscard]] TokenNames names() const { return {first_name_, {record_.epoch, record_.generation}}; }
    void follow_names(const SharedSecret& before, bool was_given);
    [[nodiscard]] std::optional<std::uint64_t> real_generation(std::uint64_t epoch, std::uint64_t generation) const;
    void cut(Waiter& waiter) const;
    void absorb(const Record& loaded, bool claim_owner_is_dead);
    void void_claim(Claim& claim, bool owner_is_dead);
    [[nodiscard]] std::uint64_t wall_seconds() const;
    void follow_claim();
    [[nodiscard]] bool claim_is_foreign() const;
    void was_saved();
    [[nodiscard]] Reason mismatch_of(const Record& theirs) const;
    void stand_by(Reason reason, std::uint64_t epoch, std::uint64_t generation);
    void on_record_gone(bool was_lost);
    void finish_logout(const Logout& logout, bool keeps_token);
    void on_store_unavailable(StoreVerdict verdict);
    void on_store_read();
    void run_store();
    void start_save();
    void take_loaded(const LoadResult& result);
    [[nodiscard]] std::uint64_t first_epoch(const Record& theirs) const;
    [[nodiscard]] std::uint64_t external_tag(std::uint64_t tag) const;
    void changed() { ++change_; }
    void reload() { reload_wanted_ = config_.has_store; }
    void set_store(StoreVerdict verdict);
    [[nodiscard]] bool save_is_wanted() const {
        return loaded_ && change_ != saved_change_ && change_ != failed_change_ && (!standby_ || standby_->replacing);
    }
    [[nodiscard]] std::int64_t slide_due_boot_ms() const;
    void on_slide_stored(const Anchor& slid);
    [[nodiscard]] bool committing() const { return commit_change_ > saved_change_; }
    [[nodiscard]] bool clear_is_untried() const { return cleared_unread_ && change_ != failed_change_; }
    [[nodiscard]] bool memory_only() const { return !config_.has_store || token_is_new_; }
    [[nodiscard]] bool claims_first() const;
    [[nodiscard]] Record external_record() const;
    [[nodiscard]] Record tombstone() const;
    [[nodiscard]] RecordVersion next_version() const;
    void internalise(Record& record) const;

    MachineConfig config_;
    Reading now_;  // of this step; a boot without identity bears this open's own tag
    Effects pending_;  // of this step, behind its Publish: whoever is called back sees at least that state

    Record record_;
    bool loaded_ = false;            // the first load was answered, or needed no answer
    bool record_is_known_ = false;   // a record was read, or is known to be absent: the numbers are real
    // Once they are, what the last provisional ones stand for; 0: none.
    std::uint64_t provisional_epoch_ = 0;
    std::uint64_t provisional_generation_ = 0;
    std::uint64_t real_generation_ = 0;
    TokenName first_name_;  // that the token was handed out by
    std::uint64_t least_generation_ = 0;  // of the next token: a lost record may have had any below it
    bool client_is_given_ = false;   // at open, and not cleared since
    bool lost_ = false;              // a record was lost: the reason for the next first token
    bool clear_is_found_ = false;    // the last clear is one that the store had on record, not the app's own
    bool cleared_unread_ = false;    // cleared before the stored record was read: the clear wins over it
    bool token_is_new_ = false;      // never stored
    bool token_was_given_ = false;   // published or handed out
    bool token_was_pushed_ = false;
    bool token_is_news_ = false;     // observers have not been told of it

    StoreVerdict store_ = StoreVerdict::persistent;
    StoreFault store_fault_;
    bool save_was_refused_ = false;  // the last save that was tried
    std::optional<Standby> standby_;
    bool replaced_standby_ = false;  // once an open, so that two clients on one store do not mint in turns
    bool store_is_watched_ = true;
    StoreOperation operation_ = StoreOperation::none;
    std::uint64_t operation_id_ = 0;
    RecordVersion stored_;        // as of the last load or save
    RecordVersion saving_;        // what a running save writes
    Anchor saving_slid_;
    std::uint64_t lineage_ = 0;   // of the record that we go on with; 0: the next save makes one anew
    std::int64_t operation_limit_ms_ = never_ms;
    bool operation_extended_ = false;
    std::uint64_t operation_change_ = 0;  // what a running save contains
    std::uint64_t change_ = 0;            // counts what is worth saving
    std::uint64_t saved_change_ = 0;
    std::uint64_t failed_change_ = 0;     // the store refused this much: not tried again before more, or a notice
    std::uint64_t commit_change_ = 0;     // a new token waits to be durable up to here
    std::uint64_t token_change_ = 0;
    std::uint64_t claim_change_ = 0;
    std::uint64_t clear_change_ = 0;
    bool reload_wanted_ = false;
    bool has_unsaved_slide_ = false;
    std::int64_t stored_slid_boot_ms_ = 0;  // as of the last load or save
    bool stored_slide_is_of_this_boot_ = false;
    std::int64_t slide_refused_boot_ms_ = -slide_save_every_ms;  // when the store last took no save
    std::int64_t read_boot_ms_ = 0;
    std::int64_t looked_boot_ms_ = 0;
    std::uint64_t voided_owner_ = 0;  // of a claim that a dead process of this role has left
    std::int64_t store_retry_at_ms_ = never_ms;
    std::int64_t store_retry_delay_ms_ = store_retry_first_ms;

    Phase phase_ = Phase::idle;
    Request request_;                // claiming: its reason; asking: all of it
    std::optional<Request> late_;    // past its limit; its answer is welcome until the next ask
    std::uint64_t last_request_ = 0;
    std::uint64_t fulfilled_request_ = 0;
    std::int64_t poll_at_ms_ = never_ms;
    std::int64_t poll_delay_ms_ = 0;
    bool wanted_ = false;            // somebody needs a renewal, though nobody may be waiting for it
    bool declined_ = false;
    ProviderFailure last_failure_;
    std::int64_t last_force_ms_ = -force_every_ms;
    std::optional<Push> early_push_;  // came while the record was being read
    std::vector<event::Accepted> early_accepted_;  // likewise
    std::vector<event::Rejected> early_rejected_;

    std::vector<Waiter> waiters_;
    struct PendingDone {
        std::uint64_t id;
        std::uint64_t change;  // clear: what must be on disk; 0: all quiet
    };
    std::vector<PendingDone> dones_;

    Counters counters_;
    Snapshot published_;
    bool published_once_ = false;
    bool republish_ = false;         // readers were told that the token is dead: say again how things stand
    State last_reported_state_ = State::unknown;
    Reason last_reported_reason_ = Reason::loading;
    ClockVerdict last_reported_clock_ = ClockVerdict::same_boot;
    std::int64_t armed_ms_ = never_ms;
    bool closing_ = false;
    bool ended_ = false;
};

}  // namespace portal
