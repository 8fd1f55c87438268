// A file system in memory, as the file store sees one: files by path, descriptors, locks of open files, and a power that can
// fail. For tests by the hundred thousand.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "store/file_system.hpp"

namespace portal::test {

class MemoryFileSystem final : public FileSystem {
public:
    enum class Kind { file, directory, pipe, link };

    // The folder itself exists from the start.
    explicit MemoryFileSystem(const std::string& folder) {
        put(folder, "", Kind::directory);
        settle();
    }

    // As somebody else leaves it there, on the medium.
    void put(const std::string& path, std::string bytes, Kind kind = Kind::file) {
        auto node = std::make_shared<Node>();
        node->kind = kind;
        node->inode = ++last_inode_;
        node->bytes = node->durable_bytes = std::move(bytes);
        nodes_[path] = durable_[path] = std::move(node);
    }
    [[nodiscard]] std::map<std::string, std::string> files() const {
        std::map<std::string, std::string> all;
        for (const auto& [path, node] : nodes_)
            if (node->kind == Kind::file) all.emplace(path, node->bytes);
        return all;
    }
    // All that was not synced is gone: a file's bytes by a sync of the file, its name by a sync of its folder.
    void lose_power() {
        nodes_ = durable_;
        for (auto& [path, node] : nodes_) node->bytes = node->durable_bytes;
        open_.clear();
        for (auto& [path, node] : nodes_) node->exclusive = 0, node->shared.clear();
    }
    // All is on the medium.
    void settle() {
        for (auto& [path, node] : nodes_) node->durable_bytes = node->bytes;
        durable_ = nodes_;
    }
    [[nodiscard]] std::size_t open_files() const { return open_.size(); }

    Io<int> open(const std::string& path, OpenFor purpose) override {
        const auto found = nodes_.find(path);
        const bool creates = purpose == OpenFor::creating || purpose == OpenFor::overwriting || purpose == OpenFor::locking;
        if (found == nodes_.end()) {
            if (!creates || !nodes_.contains(parent_of(path))) return io_error(ENOENT);
            auto node = std::make_shared<Node>();
            node->inode = ++last_inode_;
            return open_node(nodes_[path] = std::move(node), path, true);
        }
        const std::shared_ptr<Node>& node = found->second;
        if (purpose == OpenFor::creating) return io_error(EEXIST);
        if (node->kind == Kind::link) return io_error(ELOOP);
        if (purpose == OpenFor::directory && node->kind != Kind::directory) return io_error(ENOTDIR);
        if (creates && node->kind == Kind::directory) return io_error(EISDIR);
        if (purpose == OpenFor::overwriting) node->bytes.clear();
        return open_node(node, path, creates);
    }
    void close(int file) override {
        unlock(file);
        open_.erase(file);
    }
    Io<FileInfo> info(int file) override {
        const auto found = open_.find(file);
        if (found == open_.end()) return io_error(EBADF);
        return info_of(*found->second.node);
    }
    Io<FileInfo> look(const std::string& path) override {
        const auto found = nodes_.find(path);
        if (found == nodes_.end()) return io_error(ENOENT);
        return info_of(*found->second);
    }
    Io<std::size_t> read(int file, char* to, std::size_t size) override {
        const auto found = open_.find(file);
        if (found == open_.end()) return io_error(EBADF);
        Open& opened = found->second;
        const std::string_view rest = std::string_view(opened.node->bytes).substr(opened.place);
        const std::size_t count = std::min(size, rest.size());
        std::copy_n(rest.begin(), count, to);
        opened.place += count;
        return count;
    }
    Io<void> write(int file, std::string_view bytes) override {
        const auto found = open_.find(file);
        if (found == open_.end() || !found->second.writes) return io_error(EBADF);
        found->second.node->bytes += bytes;
        found->second.node->modified_ns = ++clock_ns_;
        return {};
    }
    Io<void> sync(int file) override {
        const auto found = open_.find(file);
        if (found == open_.end()) return io_error(EBADF);
        const auto& [node, path, place, writes] = found->second;
        node->durable_bytes = node->bytes;
        if (node->kind != Kind::directory) return {};
        std::erase_if(durable_, [&, &folder = path](const auto& entry) { return parent_of(entry.first) == folder; });
        for (const auto& [name, entry] : nodes_)
            if (parent_of(name) == path) durable_[name] = entry;
        return {};
    }
    Io<void> rename(const std::string& from, const std::string& to) override {
        const auto moved = nodes_.find(from);
        if (moved == nodes_.end()) return io_error(ENOENT);
        const auto replaced = nodes_.find(to);
        if (replaced != nodes_.end() && replaced->second->kind != moved->second->kind) {
            if (replaced->second->kind == Kind::directory) return io_error(EISDIR);
            if (moved->second->kind == Kind::directory) return io_error(ENOTDIR);
        }
        const std::shared_ptr<Node> node = moved->second;
        nodes_.erase(moved);
        nodes_[to] = node;
        return {};
    }
    Io<void> remove(const std::string& path) override {
        const auto found = nodes_.find(path);
        if (found == nodes_.end()) return io_error(ENOENT);
        for (const auto& [name, node] : nodes_)
            if (parent_of(name) == path) return io_error(ENOTEMPTY);
        nodes_.erase(found);
        return {};
    }
    Io<void> make_directory(const std::string& path) override {
        if (nodes_.contains(path)) return io_error(EEXIST);
        if (!nodes_.contains(parent_of(path))) return io_error(ENOENT);
        put(path, "", Kind::directory);
        durable_.erase(path);
        return {};
    }
    Io<Listing> list(int directory, std::string_view prefix, std::size_t most) override {
        const auto found = open_.find(directory);
        if (found == open_.end() || found->second.node->kind != Kind::directory) return io_error(ENOTDIR);
        Listing listing;
        const std::string& folder = found->second.path;
        for (const auto& [path, node] : nodes_) {
            if (parent_of(path) != folder) continue;
            const std::string name = path.substr(folder.size() + 1);
            if (name.substr(0, prefix.size()) != prefix) continue;
            listing.is_cut = listing.names.size() == most;
            if (listing.is_cut) break;
            listing.names.push_back(name);
        }
        return listing;
    }
    Io<void> try_lock(int file) override {
        Node& node = *open_.at(file).node;
        const bool is_others = (node.exclusive != 0 && node.exclusive != file) || node.shared.size() > node.shared.count(file);
        if (is_others) return io_error(EWOULDBLOCK);
        node.exclusive = file;
        return {};
    }
    Io<void> try_lock_shared(int file) override {
        Node& node = *open_.at(file).node;
        if (node.exclusive != 0 && node.exclusive != file) return io_error(EWOULDBLOCK);
        node.exclusive = 0;
        node.shared.insert(file);
        return {};
    }
    void unlock(int file) override {
        const auto found = open_.find(file);
        if (found == open_.end()) return;
        Node& node = *found->second.node;
        if (node.exclusive == file) node.exclusive = 0;
        node.shared.erase(file);
    }
    void sleep(std::int64_t /*duration_ms*/) override {}

private:
    struct Node {
        Kind kind = Kind::file;
        std::uint64_t inode = 0;
        std::int64_t modified_ns = 0;
        std::string bytes;
        std::string durable_bytes;
        int exclusive = 0;  // the descriptor that holds it
        std::set<int> shared;
    };
    struct Open {
        std::shared_ptr<Node> node;
        std::string path;
        std::size_t place = 0;
        bool writes = false;
    };

    static std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
    static FileInfo info_of(const Node& node) {
        FileInfo info;
        info.size = node.bytes.size();
        info.inode = node.inode;
        info.modified_ns = node.modified_ns;
        info.regular = node.kind == Kind::file;
        info.ours = true;
        return info;
    }
    int open_node(std::shared_ptr<Node> node, const std::string& path, bool writes) {
        open_[++last_file_] = {std::move(node), path, 0, writes};
        return last_file_;
    }

    std::map<std::string, std::shared_ptr<Node>> nodes_;
    std::map<std::string, std::shared_ptr<Node>> durable_;
    std::map<int, Open> open_;
    int last_file_ = 0;
    std::uint64_t last_inode_ = 0;
    std::int64_t clock_ns_ = 0;
};

}  // namespace portal::test
