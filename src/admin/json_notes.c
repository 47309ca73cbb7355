#include "admin/json_notes.h"

#include "admin/jvalue.h"

bool json_notes_error(const char *text, FILE *out)
{
	return jvalue_print(json_pack("{s:o}", "error", jvalue_text(text)), out);
}

bool json_notes_list(const struct json_note *notes, size_t n, FILE *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		list = jvalue_append(list, json_pack("{s:s,s:s}", "path", notes[i].path, "what",
						     notes[i].what));
	return jvalue_print(json_pack("{s:o}", "documents", list), out);
}
