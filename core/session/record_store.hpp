// The store protocol: load, and save as a compare-and-swap on the record's revision. All stores speak it.
#pragma once

#include <cstdint>
#include <functional>

#include "session/record.hpp"

namespace portal {

enum class LoadOutcome : std::uint8_t {
    found,
    absent,
    unavailable,  // not now (locked): says nothing about what is stored
    lost,         // there is a record, but it does not open; it stays where it is until a save replaces it
    fault,        // the store does not work
};

// Why an operation failed, or a record was lost.
enum class StoreCause : std::int32_t {
    none,
    system,     // it refused a call: os_code is its errno
    host,       // the app's own store said so: os_code is its number
    no_answer,  // in time
    key,        // the app's key: not now, or none that fits
    cipher,     // the crypto library itself
    // Of a loss:
    damaged,       // it does not decode, or its seal does not fit: cut, overwritten, of another session
    other_key,     // sealed with a key other than the one there is now, or there is no key any more
    old_format,    // written by an older version of this library
    earlier,       // a process quarantined it, and nothing was saved since
    // With `fault`:
    newer_format,  // written by a newer version: left untouched by all but a clear
};

struct StoreFault {
    StoreCause cause = StoreCause::none;
    std::int32_t os_code = 0;  // 0: none

    bool operator==(const StoreFault&) const = default;
};

// What the store knows of a logout beside the record itself: its marker, or a witness that outlived the tombstone.
struct Logout {
    // The session was cleared after the record: what the record holds is void.
    bool is_due = false;
    // Of that clear; 0: not known, since nothing that can be believed names it.
    std::uint64_t epoch = 0;
    // The clear was begun and not finished: a save of a tombstone finishes it, and until then every other save is a conflict.
    bool is_unfinished = false;

    bool operator==(const Logout&) const = default;
};

struct LoadResult {
    LoadOutcome outcome = LoadOutcome::fault;
    Record record{};          // set where found
    RecordVersion version{};  // set where found, absent, lost, or a newer format: what the next save replaces
    StoreFault fault{};       // set where unavailable, lost or fault
    Logout logout{};          // with found, absent and lost, and beside a newer format
    bool claim_owner_is_dead = false;  // of the record's claim, where the store can tell
};

// A save is a compare-and-swap: it writes `record` with `record.version`, only if `replaces` is what is stored.
struct SaveRequest {
    Record record;
    RecordVersion replaces;
    // The record's claim is this session's own: where the store can, it holds a lock that the system releases with the
    // process, from before this save until a save without the claim.
    bool claims = false;
    // A tombstone that the app did not ask for: the session finishes a clear that it found in the store. Then the key is
    // destroyed only where the marker proves that whoever began the clear had it; a clear of the app's own always destroys.
    bool finishes_clear = false;
};

enum class SaveOutcome : std::uint8_t {
    saved,
    conflict,  // something else is stored, or a clear is unfinished: load, merge, save again
    unavailable,
    fault,
};

struct SaveResult {
    SaveOutcome outcome = SaveOutcome::fault;
    StoreFault fault{};  // set where unavailable or fault
    // With these: the tombstone is in place, and the rest of the clear is not done. What is stored later came after it.
    bool has_tombstone = false;
};

// One session's place in a store. Called on the worker, one operation at a time, and must not block it: an implementation
// hops to a thread of its own. The answer may come inline or later, on any thread; it comes once.
class RecordStore {
public:
    virtual ~RecordStore() = default;

    // Never writes, renames or deletes: what a crash left to finish is finished by a save.
    virtual void load(std::function<void(LoadResult)> answer) = 0;

    // A tombstone (signed out) also removes what else may hold the old token, and destroys the key where the key provider
    // can: it is saved when all of that is done.
    virtual void save(SaveRequest request, std::function<void(SaveResult)> answer) = 0;

    // Whether other processes may write the same record: then renewals are claimed first.
    [[nodiscard]] virtual bool shared() const = 0;

    // Calls `changed` when somebody else may have written: a hint, on any thread, that may come late, twice or never. It
    // ends with the store. A store that has no such news does nothing.
    virtual void watch(std::function<void()> /*changed*/) {}

    // False while a watch that should run cannot: then the session asks `look` at a read that is a few seconds past the last
    // look. Any thread.
    [[nodiscard]] virtual bool is_watched() const { return true; }

    // Compares what is stored with what was loaded or saved here last, at the cost of a few system calls, and answers
    // whether it is something else. Cheap beside a load.
    virtual void look(std::function<void(bool has_news)> answer) { answer(true); }
};

}  // namespace portal
