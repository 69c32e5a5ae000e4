# hint: Does print(move(note, -shift)) show a text
shift = (26 - shift) % 26
