#include "store/host_store.hpp"

#include <mutex>
#include <optional>
#include <utility>

#include "base/ids.hpp"
#include "store/record_codec.hpp"

namespace portal {
namespace {

struct LoadAnswer {
    std::string name;
    std::function<void(LoadResult)> call;
};
using SaveAnswer = std::function<void(SaveResult)>;

IdRegistry<LoadAnswer>& loads() { return IdRegistry<LoadAnswer>::of_process(); }
IdRegistry<SaveAnswer>& saves() { return IdRegistry<SaveAnswer>::of_process(); }

tl::unexpected<Error> stale() {
    return fail(Code::stale, "That store call was answered already, or given up: nothing was done.");
}

}  // namespace

// The version of a record that a newer library wrote, if that was the last one loaded: no live record may replace it.
class HostStore::Newer {
public:
    void note(const LoadResult& result) {
        const std::lock_guard lock(mutex_);
        version_.reset();
        if (result.fault.cause == StoreCause::newer_format) version_ = result.version;
    }
    [[nodiscard]] bool is(const RecordVersion& version) const {
        const std::lock_guard lock(mutex_);
        return version_ == version;
    }

private:
    mutable std::mutex mutex_;
    std::optional<RecordVersion> version_;
};

HostStore::HostStore(std::string session_name, std::shared_ptr<HostStoreCalls> calls, std::shared_ptr<Executor> executor)
    : name_(session_name.empty() ? "default" : std::move(session_name)),
      calls_(std::move(calls)),
      executor_(std::move(executor)),
      newer_(std::make_shared<Newer>()) {}

HostStore::~HostStore() {
    loads().take(last_load_);
    saves().take(last_save_);
}

void HostStore::load(std::function<void(LoadResult)> answer) {
    const std::uint64_t id = loads().add({name_, [newer = newer_, answer = std::move(answer)](LoadResult result) {
                                              newer->note(result);
                                              answer(std::move(result));
                                          }});
    loads().take(std::exchange(last_load_, id));
    executor_->post([calls = calls_, name = name_, id] { calls->load(id, name); });
}

void HostStore::save(SaveRequest request, std::function<void(SaveResult)> answer) {
    const bool is_tombstone = request.record.state == TokenState::signed_out;
    if (!is_tombstone && newer_->is(request.replaces)) return answer({.fault = {StoreCause::newer_format}});
    // Of an epoch that is yet to be read: a host store can leave no marker.
    if (request.record.epoch == 0) return answer({SaveOutcome::conflict});
    request.record.name = name_;
    auto encoded = encode_record(request.record);
    if (!encoded) return answer({SaveOutcome::fault});
    const std::uint64_t id = saves().add(std::move(answer));
    saves().take(std::exchange(last_save_, id));
    auto bytes = std::make_shared<Secret>(std::move(*encoded));
    executor_->post([calls = calls_, name = name_, id, revision = request.replaces.revision + 1, bytes] {
        calls->save(id, name, revision, bytes->reveal());
    });
}

Result<void> HostStore::loaded(std::uint64_t id, LoadOutcome outcome, std::uint64_t revision, std::string_view record) {
    const auto answer = loads().take(id);
    if (!answer) return stale();
    LoadResult result{.outcome = outcome, .fault = {StoreCause::host}};
    if (outcome == LoadOutcome::found) {
        result = decode_record(record, answer->name);
        result.version.revision = revision;  // of a lost one too: the next save takes its place
        result.record.version = result.version;
    }
    answer->call(std::move(result));
    return {};
}

Result<void> HostStore::saved(std::uint64_t id, SaveOutcome outcome, int os_code) {
    const auto answer = saves().take(id);
    if (!answer) return stale();
    (*answer)({outcome, {StoreCause::host, os_code}});
    return {};
}

std::uint64_t HostStore::open_calls() { return loads().size() + saves().size(); }

}  // namespace portal
