// Tells that a file in a folder was made, or put in another's place. A hint: it may come late, twice or never.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace portal {

// All watches of the process share one thread, "portal-watch", which starts with the first and ends with the last.
class FolderWatch {
public:
    // The file that is there now; empty: the system does not say which, nor perhaps what.
    using Changed = std::function<void(std::string_view name)>;

    // Null where the folder can't be watched (now). `changed` comes on the watching thread, which it must not block.
    static std::unique_ptr<FolderWatch> begin(const std::string& folder, Changed changed);

    // A call that has begun may still be running after it.
    ~FolderWatch();
    FolderWatch(const FolderWatch&) = delete;
    FolderWatch& operator=(const FolderWatch&) = delete;

    // The folder is gone, or is not what that path names any more.
    [[nodiscard]] bool is_over() const;

private:
    explicit FolderWatch(std::uint64_t id) : id_(id) {}

    const std::uint64_t id_;
};

}  // namespace portal
