// A store of the host's own (keychain, keystore): load and save by callbacks, answered by id, now, later or never. The
// record is handed over in clear.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/executor.hpp"
#include "session/record_store.hpp"

namespace portal {

// The host's two functions. Called on the host thread.
class HostStoreCalls {
public:
    virtual ~HostStoreCalls() = default;
    virtual void load(std::uint64_t id, std::string_view name) = 0;
    virtual void save(std::uint64_t id, std::string_view name, std::uint64_t revision, std::string_view record) = 0;
};

// The host compares revisions, as it was given them; the lineage is in the record's first bytes for a host that compares
// that too. A load's version has the lineage (or fingerprint) of the bytes and the host's revision.
class HostStore final : public RecordStore {
public:
    // `executor` is the host thread's: a host that blocks inline delays only sessions with host stores.
    HostStore(std::string session_name, std::shared_ptr<HostStoreCalls> calls, std::shared_ptr<Executor> executor);
    ~HostStore() override;

    void load(std::function<void(LoadResult)> answer) override;
    void save(SaveRequest request, std::function<void(SaveResult)> answer) override;
    [[nodiscard]] bool shared() const override { return true; }

    // The host's answers, from any thread. Stale: that id was answered, a newer call of its kind took its place, or the
    // store is gone.
    static Result<void> loaded(std::uint64_t id, LoadOutcome outcome, std::uint64_t revision, std::string_view record);
    static Result<void> saved(std::uint64_t id, SaveOutcome outcome, int os_code);
    static std::uint64_t open_calls();

private:
    class Newer;

    const std::string name_;
    const std::shared_ptr<HostStoreCalls> calls_;
    const std::shared_ptr<Executor> executor_;
    const std::shared_ptr<Newer> newer_;
    std::uint64_t last_load_ = 0;  // a host that never answers must not leave calls behind
    std::uint64_t last_save_ = 0;
};

}  // namespace portal
