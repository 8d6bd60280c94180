mod bytes;
mod http1;
mod http2;
mod policy;
mod real;
mod upgrade;
