// Bad input without end: valid samples, each changed a little, the same ones in every run.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portal::test {

class Mutation {
public:
    // `pieces` are what is interesting in such a text: they are put in as a whole.
    Mutation(std::uint64_t seed, std::vector<std::string> samples, std::vector<std::string> pieces)
        : random_(seed), samples_(std::move(samples)), pieces_(std::move(pieces)) {}

    // A sample after nought to six changes.
    std::string next() {
        std::string text = samples_[below(samples_.size())];
        for (std::size_t left = below(7); left > 0; --left) change(text);
        return text;
    }

private:
    std::size_t below(std::size_t end) { return static_cast<std::size_t>(random_() % end); }
    char byte() { return static_cast<char>(random_()); }

    void change(std::string& text) {
        const std::size_t at = below(text.size() + 1);
        const std::size_t length = below(9);
        switch (below(8)) {
            case 0:
                text.resize(at);
                break;
            case 1:
                text.insert(at, 1, byte());
                break;
            case 2:
                if (at < text.size()) text[at] = byte();
                break;
            case 3:
                if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
                break;
            case 4:
                text.erase(at, length);
                break;
            case 5:
                text.insert(at, text.substr(below(text.size() + 1), length));
                break;
            case 6:
                text.insert(at, pieces_[below(pieces_.size())]);
                break;
            default:
                text.replace(at, length, pieces_[below(pieces_.size())]);
                break;
        }
    }

    std::mt19937_64 random_;
    std::vector<std::string> samples_;
    std::vector<std::string> pieces_;
};

inline constexpr int fuzz_inputs = 100'000;

// A heap block of exactly its size, so that a sanitizer sees the first byte that is read past it.
class Exact {
public:
    explicit Exact(const std::string& text) : bytes_(text.begin(), text.end()) {}
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

private:
    const std::vector<char> bytes_;
};

}  // namespace portal::test
