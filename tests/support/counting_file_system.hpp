// A file system that counts its calls and lets a test judge each before it happens: let it be, fail it, end the process.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/file_system.hpp"

namespace portal::test {

struct FileCall {
    int number = 0;  // 1, 2, ...
    std::string_view name;
    std::string path;  // empty where the call takes a descriptor
};

class CountingFileSystem final : public FileSystem {
public:
    // 0: the call goes on; else it fails with that errno, without having been made.
    using Judge = std::function<int(const FileCall&)>;

    explicit CountingFileSystem(std::shared_ptr<FileSystem> real) : real_(std::move(real)) {}

    // From now on, counting from 1. A close and an unlock are counted and judged like all, but always made: a test must not
    // leak descriptors, and the end of a process makes them too.
    void judge_by(Judge judge) {
        judge_ = std::move(judge);
        calls_.clear();
    }
    void fail_call(int number, int os_code) {
        judge_by([=](const FileCall& call) { return call.number == number ? os_code : 0; });
    }
    // Nothing is done any more from that call on: what a process that dies there leaves behind.
    void die_before_call(int number) {
        judge_by([=](const FileCall& call) { return call.number >= number ? EIO : 0; });
    }
    void fail_each(std::string_view name, int os_code) {
        judge_by([=](const FileCall& call) { return call.name == name ? os_code : 0; });
    }
    void fail_none() { judge_by({}); }

    [[nodiscard]] int calls() const { return static_cast<int>(calls_.size()); }
    [[nodiscard]] const std::vector<std::string>& names() const { return calls_; }
    [[nodiscard]] std::int64_t slept_ms() const { return slept_ms_; }
    void on_sleep(std::function<void()> then) { on_sleep_ = std::move(then); }

    Io<int> open(const std::string& path, OpenFor purpose) override {
        if (const int os_code = judged("open", path)) return io_error(os_code);
        return real_->open(path, purpose);
    }
    void close(int file) override {
        judged("close");
        real_->close(file);
    }
    Io<FileInfo> info(int file) override {
        if (const int os_code = judged("info")) return io_error(os_code);
        Io<FileInfo> info = real_->info(file);
        if (info && foreign_owner_ && info->regular) info->ours = info->roots = false;
        return info;
    }
    Io<FileInfo> look(const std::string& path) override {
        if (const int os_code = judged("look", path)) return io_error(os_code);
        return real_->look(path);
    }
    Io<std::size_t> read(int file, char* to, std::size_t size) override {
        if (const int os_code = judged("read")) return io_error(os_code);
        most_read_ = std::max(most_read_, size);
        return real_->read(file, to, size);
    }
    Io<void> write(int file, std::string_view bytes) override {
        if (const int os_code = judged("write")) {
            // As a disk that fills up does it: a part is written.
            real_->write(file, bytes.substr(0, bytes.size() / 2));
            return io_error(os_code);
        }
        return real_->write(file, bytes);
    }
    Io<void> sync(int file) override {
        if (const int os_code = judged("sync")) return io_error(os_code);
        return real_->sync(file);
    }
    Io<void> rename(const std::string& from, const std::string& to) override {
        if (const int os_code = judged("rename", from)) return io_error(os_code);
        return real_->rename(from, to);
    }
    Io<void> remove(const std::string& path) override {
        if (const int os_code = judged("remove", path)) return io_error(os_code);
        return real_->remove(path);
    }
    Io<void> make_directory(const std::string& path) override {
        if (const int os_code = judged("make_directory", path)) return io_error(os_code);
        return real_->make_directory(path);
    }
    Io<Listing> list(int directory, std::string_view prefix, std::size_t most) override {
        if (const int os_code = judged("list")) return io_error(os_code);
        return real_->list(directory, prefix, most);
    }
    Io<void> try_lock(int file) override {
        if (const int os_code = judged("try_lock")) return io_error(os_code);
        return real_->try_lock(file);
    }
    Io<void> try_lock_shared(int file) override {
        if (const int os_code = judged("try_lock_shared")) return io_error(os_code);
        return real_->try_lock_shared(file);
    }
    void unlock(int file) override {
        judged("unlock");
        real_->unlock(file);
    }
    void sleep(std::int64_t duration_ms) override {
        slept_ms_ += duration_ms;
        if (on_sleep_) on_sleep_();
    }

    void pretend_foreign_owner(bool foreign) { foreign_owner_ = foreign; }
    [[nodiscard]] std::size_t most_read() const { return most_read_; }

private:
    int judged(std::string_view name, const std::string& path = {}) {
        calls_.emplace_back(name);
        return judge_ ? judge_({calls(), name, path}) : 0;
    }

    std::shared_ptr<FileSystem> real_;
    Judge judge_;
    std::vector<std::string> calls_;
    std::int64_t slept_ms_ = 0;
    std::function<void()> on_sleep_;
    bool foreign_owner_ = false;
    std::size_t most_read_ = 0;
};

}  // namespace portal::test
