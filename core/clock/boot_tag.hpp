// How an operating system's word for "this boot" becomes a 64-bit tag.
#pragma once

#include <cstdint>
#include <string_view>

namespace portal {

// FNV-1a. Never 0 (0 means "not known") and, unlike std::hash, the same in every build that reads the record.
constexpr std::uint64_t boot_tag_of(std::string_view identity, std::uint64_t salt = 0) {
    std::uint64_t hash = 0xcbf29ce484222325ULL ^ salt;
    for (const char c : identity) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash == 0 ? 1 : hash;
}

}  // namespace portal
