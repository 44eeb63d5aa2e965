(function(d){"use strict";var b=d.querySelector(".pinfold-banner");if(!b)return;
function hide(){b.remove();var u=new URL(location.href);if(u.searchParams.has("pinfold-choice")){u.search=u.search.replace(/([?&])pinfold-choice=[^&]*(&|$)/,function(m,a,z){return z?a:""});history.replaceState(history.state,"",u.href)}}
b.addEventListener("submit",function(e){var f=e.target,s=e.submitter;if(!s)return;
if(s.name=="cookies[hide]"){e.preventDefault();hide();return}
e.preventDefault();var q=new URLSearchParams(new FormData(f));q.set(s.name,s.value);
fetch(f.action,{method:"POST",body:q,redirect:"manual",credentials:"same-origin"}).then(function(r){if(r.type!="opaqueredirect")throw 0;
var c=b.querySelector("[data-choice="+s.value+"]");b.querySelector("[data-asks]").hidden=true;c.hidden=false;c.setAttribute("role","alert");c.tabIndex=-1;c.focus()}).catch(function(){f.appendChild(Object.assign(d.createElement("input"),{type:"hidden",name:s.name,value:s.value}));f.submit()})})})(document);
