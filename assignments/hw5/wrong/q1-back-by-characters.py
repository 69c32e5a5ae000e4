# hint: 190 bytes in 50 tokens
def token_perplexity(bits, text, tokens):
    return 2.0 ** (bits * len(text) / tokens)
