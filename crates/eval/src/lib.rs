//! stub
/// stub
pub fn auroc(l:&[u8],s:&[f64],_:Option<&[f64]>)->Result<f64,()>{ let mut c=0.0;let mut n=0.0; for i in 0..l.len(){for j in 0..l.len(){ if l[i]==1&&l[j]==0{n+=1.0; if s[i]>s[j]{c+=1.0}else if s[i]==s[j]{c+=0.5}}}} if n==0.0{Err(())}else{Ok(c/n)} }
