#include "program/terminal_text.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace portal::program {
namespace {

// Where the rest of a wide line begins.
std::size_t indent_of(std::string_view line) {
    const std::size_t first = line.find_first_not_of(' ');
    if (first == std::string_view::npos) return 0;
    const std::size_t gap = line.find("  ", first);
    const std::size_t second = gap == std::string_view::npos ? gap : line.find_first_not_of(' ', gap);
    constexpr std::size_t widest_first_column = 46;
    return second != std::string_view::npos && second <= widest_first_column ? second : first;
}

// The place of the blank at which `line` is broken, behind `from`; npos: it cannot be.
std::size_t break_of(std::string_view line, std::size_t from, std::size_t width) {
    const std::size_t blank = line.rfind(' ', width);
    return blank != std::string_view::npos && blank > from ? blank : line.find(' ', std::max(from + 1, width));
}

std::string wrapped_line(std::string_view line, std::size_t width) {
    const std::size_t indent = indent_of(line);
    std::string text;
    for (std::size_t from = indent, room = width; line.size() > room; from = 0, room = width - indent) {
        const std::size_t blank = break_of(line, from, room);
        if (blank == std::string_view::npos) break;
        text.append(line.substr(0, blank)).append("\n").append(indent, ' ');
        line.remove_prefix(blank + 1);
    }
    return text.append(line);
}

// Levenshtein's distance; neighbours that are swapped count as one.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
    std::iota(last.begin(), last.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
            const bool is_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (is_swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before = last;
        last = row;
    }
    return last[b.size()];
}

}  // namespace

std::size_t terminal_width() {
    winsize size{};
    const bool is_known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? std::clamp<std::size_t>(size.ws_col, 40, 120) : default_width;
}

std::string wrapped(std::string_view text, std::size_t width) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        result += wrapped_line(text.substr(0, end), width);
        if (end < text.size()) result += '\n';
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return result;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
    std::string best;
    std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        const std::size_t far = distance(word, candidate);
        if (far >= least) continue;
        least = far;
        best = candidate;
    }
    return best;
}

void hold_standard_files() {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(number, F_GETFD) >= 0) continue;
        // The lowest free number is this one. What is open for reading alone refuses to be written to.
        const int opened = ::open("/dev/null", number == STDERR_FILENO ? O_WRONLY : O_RDONLY);
        if (opened < 0) return;
    }
}

bool output_was_written() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

}  // namespace portal::program
