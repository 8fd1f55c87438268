#include "store/host_store.hpp"

#include <utility>

#include "base/ids.hpp"
#include "store/record_codec.hpp"

namespace portal {
namespace {

using LoadAnswer = std::function<void(LoadResult)>;
using SaveAnswer = std::function<void(SaveResult)>;

IdRegistry<LoadAnswer>& loads() { return IdRegistry<LoadAnswer>::of_process(); }
IdRegistry<SaveAnswer>& saves() { return IdRegistry<SaveAnswer>::of_process(); }

tl::unexpected<Error> stale() {
    return fail(Code::stale, "That store call was answered already, or given up: nothing was done.");
}

}  // namespace

HostStore::HostStore(std::string session_name, std::shared_ptr<HostStoreCalls> calls, std::shared_ptr<Executor> executor)
    : name_(std::move(session_name)), calls_(std::move(calls)), executor_(std::move(executor)) {}

HostStore::~HostStore() {
    loads().take(last_load_);
    saves().take(last_save_);
}

void HostStore::load(std::function<void(LoadResult)> answer) {
    const std::uint64_t id = loads().add(std::move(answer));
    loads().take(std::exchange(last_load_, id));
    executor_->post([calls = calls_, name = name_, id] { calls->load(id, name); });
}

void HostStore::save(Record record, std::function<void(SaveResult)> answer) {
    ++record.revision;
    auto encoded = encode_record(record);
    if (!encoded) return answer({SaveOutcome::fault});
    const std::uint64_t id = saves().add(std::move(answer));
    saves().take(std::exchange(last_save_, id));
    auto bytes = std::make_shared<Secret>(std::move(*encoded));
    executor_->post([calls = calls_, name = name_, id, revision = record.revision, bytes] {
        calls->save(id, name, revision, bytes->reveal());
    });
}

Result<void> HostStore::loaded(std::uint64_t id, LoadOutcome outcome, std::uint64_t revision, std::string_view record) {
    const auto answer = loads().take(id);
    if (!answer) return stale();
    LoadResult result{.outcome = outcome, .fault = {StoreCause::host}};
    if (outcome == LoadOutcome::found) {
        auto decoded = decode_record(record);
        if (decoded) {
            result.record = std::move(*decoded);
        } else {
            result.outcome = LoadOutcome::lost;
            result.fault.cause = StoreCause::damaged;
        }
        result.record.revision = revision;  // of a lost one too: the next save takes its place
    }
    (*answer)(std::move(result));
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
