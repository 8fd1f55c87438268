// A secret that a test can recognise anywhere: whole, in pieces, in hex and in base64.
#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace portal::test {

// Letters and digits by chance, so that not even eight of them in a row come up anywhere else.
inline std::string random_text(std::size_t size) {
    static constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::random_device random;
    std::string text;
    while (text.size() < size) text += letters[random() % letters.size()];
    return text;
}

inline std::string hex_of(std::string_view bytes, const char* digits) {
    std::string text;
    for (const unsigned char byte : bytes) (text += digits[byte >> 4]) += digits[byte & 15];
    return text;
}

// Whole groups alone: what is left over at the end depends on what follows.
inline std::string base64_of(std::string_view bytes) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i + 3 <= bytes.size(); i += 3) {
        const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i + at])); };
        const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) text += digits[group >> shift & 63];
    }
    return text;
}

class Canary {
public:
    explicit Canary(std::string text) : text_(std::move(text)) {
        constexpr std::size_t raw_piece = 8;
        constexpr std::size_t encoded_piece = 16;  // of eight bytes, in hex
        add(text_, raw_piece);
        add(std::string(text_.rbegin(), text_.rend()), raw_piece);  // as a wrong order of bytes would have it
        add(hex_of(text_, "0123456789abcdef"), encoded_piece);
        add(hex_of(text_, "0123456789ABCDEF"), encoded_piece);
        for (std::size_t offset : {0, 1, 2}) add(base64_of(std::string_view(text_).substr(offset)), encoded_piece);
    }

    [[nodiscard]] const std::string& text() const { return text_; }

    // The longest piece of it in there, in any of its forms; 0: none.
    [[nodiscard]] std::size_t longest_piece_in(std::string_view bytes) const {
        std::size_t longest = 0;
        for (std::size_t at = 0; at + sizeof(std::uint64_t) <= bytes.size(); ++at) {
            const std::uint64_t word = word_at(bytes, at);
            if (!maybe_[slot(word)]) continue;
            const auto found = places_.find(word);
            if (found == places_.end()) continue;
            for (const Place& place : found->second) {
                const std::string_view form = std::string_view(forms_[place.form].text).substr(place.offset);
                const std::string_view there = bytes.substr(at, form.size());
                const auto ends = std::mismatch(there.begin(), there.end(), form.begin());
                const auto same = static_cast<std::size_t>(ends.first - there.begin());
                if (same >= forms_[place.form].least) longest = std::max(longest, same);
            }
        }
        return longest;
    }
    [[nodiscard]] bool is_in(std::string_view bytes) const { return longest_piece_in(bytes) != 0; }

private:
    struct Form {
        std::string text;
        std::size_t least;
    };
    struct Place {
        std::size_t form;
        std::size_t offset;
    };

    static std::uint64_t word_at(std::string_view bytes, std::size_t at) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes.data() + at, sizeof word);
        return word;
    }
    static std::size_t slot(std::uint64_t word) { return static_cast<std::size_t>(word * 0x9e3779b97f4a7c15ULL >> 48); }

    void add(std::string form, std::size_t least) {
        for (std::size_t at = 0; at + sizeof(std::uint64_t) <= form.size(); ++at) {
            const std::uint64_t word = word_at(form, at);
            places_[word].push_back({forms_.size(), at});
            maybe_[slot(word)] = true;
        }
        forms_.push_back({std::move(form), least});
    }

    std::string text_;
    std::vector<Form> forms_;
    std::unordered_map<std::uint64_t, std::vector<Place>> places_;
    std::vector<bool> maybe_ = std::vector<bool>(1 << 16);
};

}  // namespace portal::test
