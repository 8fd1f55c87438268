/* Size and offset of every struct of the public header, for 64-bit targets and for 32-bit ones (armv7): what is written here
 * never changes, fields are only added at the ends of structs that have a struct_size. */
#ifndef PORTAL_TESTS_LAYOUT_H
#define PORTAL_TESTS_LAYOUT_H

#include <portal_session/portal_session.h>
#include <stddef.h>

#define IS_64 (sizeof(void *) == 8)
#define SIZE(type, on_64, on_32) _Static_assert(sizeof(type) == (IS_64 ? on_64 : on_32), "size of " #type)
#define AT(type, field, on_64, on_32) \
    _Static_assert(offsetof(type, field) == (IS_64 ? on_64 : on_32), "offset of " #type "." #field)

_Static_assert(sizeof(portal_code) == 4 && sizeof(portal_state) == 4 && sizeof(portal_reason) == 4, "enums have 32 bits");
_Static_assert(sizeof(portal_verdict) == 4 && sizeof(portal_renewal) == 4 && sizeof(portal_notice) == 4, "enums have 32 bits");
_Static_assert(sizeof(portal_clock_verdict) == 4 && sizeof(portal_store_verdict) == 4, "enums have 32 bits");
_Static_assert(sizeof(portal_event_kind) == 4 && sizeof(portal_found) == 4 && sizeof(portal_saved) == 4, "enums have 32 bits");
_Static_assert(sizeof(portal_level) == 4 && sizeof(portal_group) == 4, "enums have 32 bits");

SIZE(portal_text, 16, 8);
AT(portal_text, data, 0, 0);
AT(portal_text, length, 8, 4);

SIZE(portal_bytes, 16, 8);
AT(portal_bytes, data, 0, 0);
AT(portal_bytes, length, 8, 4);

SIZE(portal_error, 288, 288);
AT(portal_error, struct_size, 0, 0);
AT(portal_error, code, 4, 4);
AT(portal_error, http_status, 8, 8);
AT(portal_error, os_code, 12, 12);
AT(portal_error, retry_after_ms, 16, 16);
AT(portal_error, flags, 24, 24);
AT(portal_error, reserved, 28, 28);
AT(portal_error, message, 32, 32);

SIZE(portal_lease, 64, 64);
AT(portal_lease, struct_size, 0, 0);
AT(portal_lease, flags, 4, 4);
AT(portal_lease, session_tag, 8, 8);
AT(portal_lease, generation, 16, 16);
AT(portal_lease, epoch, 24, 24);
AT(portal_lease, sent_boot_ms, 32, 32);
AT(portal_lease, sent_unix_ms, 40, 40);
AT(portal_lease, boot_tag, 48, 48);
AT(portal_lease, left_ms, 56, 56);

SIZE(portal_answer, 72, 48);
AT(portal_answer, struct_size, 0, 0);
AT(portal_answer, http_status, 4, 4);
AT(portal_answer, retry_after_ms, 8, 8);
AT(portal_answer, retry_after, 16, 16);
AT(portal_answer, error_id, 32, 24);
AT(portal_answer, exception, 48, 32);
AT(portal_answer, legacy_code, 64, 40);
AT(portal_answer, reserved, 68, 44);

SIZE(portal_failure, 48, 40);
AT(portal_failure, struct_size, 0, 0);
AT(portal_failure, flags, 4, 4);
AT(portal_failure, http_status, 8, 8);
AT(portal_failure, reserved, 12, 12);
AT(portal_failure, retry_after_ms, 16, 16);
AT(portal_failure, retry_after, 24, 24);
AT(portal_failure, host_code, 40, 32);
AT(portal_failure, reserved2, 44, 36);

SIZE(portal_backend_answer, 96, 64);
AT(portal_backend_answer, struct_size, 0, 0);
AT(portal_backend_answer, flags, 4, 4);
AT(portal_backend_answer, http_status, 8, 8);
AT(portal_backend_answer, os_code, 12, 12);
AT(portal_backend_answer, code, 16, 16);
AT(portal_backend_answer, reserved, 20, 20);
AT(portal_backend_answer, retry_after, 24, 24);
AT(portal_backend_answer, date, 40, 32);
AT(portal_backend_answer, token_or_body, 56, 40);
AT(portal_backend_answer, client_id, 72, 48);
AT(portal_backend_answer, age_ms, 88, 56);

SIZE(portal_token_input, 56, 40);
AT(portal_token_input, struct_size, 0, 0);
AT(portal_token_input, flags, 4, 4);
AT(portal_token_input, token, 8, 8);
AT(portal_token_input, client_id, 24, 16);
AT(portal_token_input, age_ms, 40, 24);
AT(portal_token_input, expected_epoch, 48, 32);

SIZE(portal_status, 168, 168);
AT(portal_status, struct_size, 0, 0);
AT(portal_status, state, 4, 4);
AT(portal_status, reason, 8, 8);
AT(portal_status, renewal, 12, 12);
AT(portal_status, clock, 16, 16);
AT(portal_status, store, 20, 20);
AT(portal_status, generation, 24, 24);
AT(portal_status, epoch, 32, 32);
AT(portal_status, idle_deadline_unix_ms, 40, 40);
AT(portal_status, absolute_deadline_unix_ms, 48, 48);
AT(portal_status, idle_left_ms, 56, 56);
AT(portal_status, absolute_left_ms, 64, 64);
AT(portal_status, retry_after_ms, 72, 72);
AT(portal_status, mints_first, 80, 80);
AT(portal_status, mints_idle, 88, 88);
AT(portal_status, mints_absolute, 96, 96);
AT(portal_status, mints_rejected, 104, 104);
AT(portal_status, mints_forced, 112, 112);
AT(portal_status, pushes, 120, 120);
AT(portal_status, rejections, 128, 128);
AT(portal_status, waits, 136, 136);
AT(portal_status, degraded_saves, 144, 144);
AT(portal_status, longest_wait_ms, 152, 152);
AT(portal_status, flags, 160, 160); /* version 1 ends here */
AT(portal_status, reserved, 164, 164);

SIZE(portal_token_request, 56, 48);
AT(portal_token_request, struct_size, 0, 0);
AT(portal_token_request, reason, 4, 4);
AT(portal_token_request, id, 8, 8);
AT(portal_token_request, attempt, 16, 16);
AT(portal_token_request, reserved, 20, 20);
AT(portal_token_request, timeout_ms, 24, 24);
AT(portal_token_request, generation, 32, 32);
AT(portal_token_request, client_id, 40, 40);

SIZE(portal_provider, 32, 16);
AT(portal_provider, ask, 0, 0);
AT(portal_provider, withdrawn, 8, 4);
AT(portal_provider, userdata, 16, 8);
AT(portal_provider, release, 24, 12);

SIZE(portal_event, 64, 64);
AT(portal_event, struct_size, 0, 0);
AT(portal_event, kind, 4, 4);
AT(portal_event, sequence, 8, 8);
AT(portal_event, state, 16, 16);
AT(portal_event, reason, 20, 20);
AT(portal_event, code, 24, 24);
AT(portal_event, reserved, 28, 28);
AT(portal_event, generation, 32, 32);
AT(portal_event, epoch, 40, 40);
AT(portal_event, retry_after_ms, 48, 48);
AT(portal_event, at_unix_ms, 56, 56);

SIZE(portal_observer, 24, 12);
AT(portal_observer, event, 0, 0);
AT(portal_observer, userdata, 8, 4);
AT(portal_observer, release, 16, 8);

SIZE(portal_log, 32, 20);
AT(portal_log, line, 0, 0);
AT(portal_log, level, 8, 4);
AT(portal_log, reserved, 12, 8);
AT(portal_log, userdata, 16, 12);
AT(portal_log, release, 24, 16);

SIZE(portal_store, 32, 16);
AT(portal_store, load, 0, 0);
AT(portal_store, save, 8, 4);
AT(portal_store, userdata, 16, 8);
AT(portal_store, release, 24, 12);

SIZE(portal_key, 32, 16);
AT(portal_key, load, 0, 0);
AT(portal_key, destroy, 8, 4);
AT(portal_key, userdata, 16, 8);
AT(portal_key, release, 24, 12);

SIZE(portal_reading, 24, 24);
AT(portal_reading, boot_ms, 0, 0);
AT(portal_reading, unix_ms, 8, 8);
AT(portal_reading, boot_tag, 16, 16);

SIZE(portal_clock, 24, 12);
AT(portal_clock, read, 0, 0);
AT(portal_clock, userdata, 8, 4);
AT(portal_clock, release, 16, 8);

SIZE(portal_header, 40, 24);
AT(portal_header, name, 0, 0);
AT(portal_header, value, 16, 8);
AT(portal_header, flags, 32, 16);
AT(portal_header, reserved, 36, 20);

SIZE(portal_http_request, 80, 48);
AT(portal_http_request, struct_size, 0, 0);
AT(portal_http_request, flags, 4, 4);
AT(portal_http_request, method, 8, 8);
AT(portal_http_request, url, 24, 16);
AT(portal_http_request, headers, 40, 24);
AT(portal_http_request, header_count, 48, 28);
AT(portal_http_request, body, 56, 32);
AT(portal_http_request, timeout_ms, 72, 40);

SIZE(portal_http_response, 64, 48);
AT(portal_http_response, struct_size, 0, 0);
AT(portal_http_response, http_status, 4, 4);
AT(portal_http_response, code, 8, 8);
AT(portal_http_response, verdict, 12, 12);
AT(portal_http_response, headers, 16, 16);
AT(portal_http_response, header_count, 24, 20);
AT(portal_http_response, body, 32, 24);
AT(portal_http_response, retry_after_ms, 48, 32);
AT(portal_http_response, os_code, 56, 40);
AT(portal_http_response, reserved, 60, 44);

SIZE(portal_transport, 32, 16);
AT(portal_transport, send, 0, 0);
AT(portal_transport, cancel, 8, 4);
AT(portal_transport, userdata, 16, 8);
AT(portal_transport, release, 24, 12);

SIZE(portal_options, 408, 240);
AT(portal_options, struct_size, 0, 0);
AT(portal_options, flags, 4, 4);
AT(portal_options, name, 8, 8);
AT(portal_options, client_id, 24, 16);
AT(portal_options, directory, 40, 24);
AT(portal_options, portal_url, 56, 32);
AT(portal_options, ca_file, 72, 40);
AT(portal_options, allowed_hosts, 88, 48);
AT(portal_options, allowed_host_count, 96, 52);
AT(portal_options, spki_pins, 104, 56);
AT(portal_options, spki_pin_count, 112, 60);
AT(portal_options, idle_ms, 120, 64);
AT(portal_options, absolute_ms, 128, 72);
AT(portal_options, margin_ms, 136, 80);
AT(portal_options, soft_window_ms, 144, 88);
AT(portal_options, renewal_lead_ms, 152, 96);
AT(portal_options, request_timeout_ms, 160, 104);
AT(portal_options, boot_tag, 168, 112);
AT(portal_options, provider, 176, 120);
AT(portal_options, observer, 208, 136);
AT(portal_options, log, 232, 148);
AT(portal_options, store, 264, 168);
AT(portal_options, key, 296, 184);
AT(portal_options, clock, 328, 200);
AT(portal_options, transport, 352, 212);
AT(portal_options, reserved, 384, 228);
AT(portal_options, role, 392, 232); /* version 1 ends here */

SIZE(portal_done, 24, 12);
AT(portal_done, fn, 0, 0);
AT(portal_done, userdata, 8, 4);
AT(portal_done, release, 16, 8);

SIZE(portal_acquire_options, 24, 24);
AT(portal_acquire_options, struct_size, 0, 0);
AT(portal_acquire_options, flags, 4, 4);
AT(portal_acquire_options, timeout_ms, 8, 8);
AT(portal_acquire_options, newer_than, 16, 16);

SIZE(portal_acquired, 24, 12);
AT(portal_acquired, fn, 0, 0);
AT(portal_acquired, userdata, 8, 4);
AT(portal_acquired, release, 16, 8);

SIZE(portal_sent, 24, 12);
AT(portal_sent, fn, 0, 0);
AT(portal_sent, userdata, 8, 4);
AT(portal_sent, release, 16, 8);

#undef IS_64
#undef SIZE
#undef AT

#endif
