"""AWS's protocols from the server's side: requests, answers, errors, pages, and the way between them."""
