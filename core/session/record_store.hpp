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
    lost,         // there was a record, but it can't be read any more; it was set aside, now or earlier
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
    other_format,  // written by another version of this library
    earlier,       // set aside by a process that came before, and nothing was saved since
};

struct StoreFault {
    StoreCause cause = StoreCause::none;
    std::int32_t os_code = 0;  // 0: none

    bool operator==(const StoreFault&) const = default;
};

struct LoadResult {
    LoadOutcome outcome = LoadOutcome::fault;
    Record record{};     // set where found
    StoreFault fault{};  // set where unavailable, lost or fault
    // With found, absent and lost: the session was cleared, but the tombstone never reached the store. It is signed out;
    // until a tombstone is saved every other save is a conflict.
    bool erase_pending = false;
};

enum class SaveOutcome : std::uint8_t {
    saved,
    conflict,  // the stored revision is another one: load, merge, save again
    unavailable,
    fault,
};

struct SaveResult {
    SaveOutcome outcome = SaveOutcome::fault;
    StoreFault fault{};  // set where unavailable or fault
};

// One session's place in a store. Called on the worker, one operation at a time, and must not block it: an implementation
// hops to a thread of its own. The answer may come inline or later, on any thread; it comes once.
class RecordStore {
public:
    virtual ~RecordStore() = default;

    virtual void load(std::function<void(LoadResult)> answer) = 0;

    // Writes `record` with revision record.revision + 1, only if the stored revision is record.revision (absent: 0). A
    // tombstone (signed out) also removes what else may hold the old token, and the key where the key provider can.
    virtual void save(Record record, std::function<void(SaveResult)> answer) = 0;

    // Whether other processes may write the same record: then renewals are claimed first.
    [[nodiscard]] virtual bool shared() const = 0;

    // Calls `changed` when somebody else may have written: a hint, on any thread, that may come late, twice or never. It
    // ends with the store. A store that has no such news does nothing.
    virtual void watch(std::function<void()> /*changed*/) {}
};

}  // namespace portal
