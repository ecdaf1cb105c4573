"""What ingress promises, with a fake command log and fake views where no server is needed."""
