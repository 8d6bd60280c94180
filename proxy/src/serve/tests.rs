mod bytes;
mod http1;
