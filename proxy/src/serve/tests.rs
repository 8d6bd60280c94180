mod bytes;
mod http1;
mod http2;
mod policy;
mod proxy_protocol;
mod real;
mod upgrade;
