# hint: The bill of Hamlet in Morse code is another one
telegraph = bill(letter_model(load_ngrams("en", n=1), 0), morse)
