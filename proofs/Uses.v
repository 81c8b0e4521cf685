(* Uses.v -- which definitions of ours a statement speaks of: Coq itself walks through the terms.  *)

From Ltac2 Require Import Ltac2.
Import Constr.Unsafe.

(* What was met so far, deepest first, each once. *)
Ltac2 Type met := { mutable names : ident list list }.

Ltac2 rec put_path (path : ident list) (message : message) :=
  match path with
  | [] => message
  | name :: rest =>
      let message := Message.concat message (Message.of_ident name) in
      match rest with
      | [] => message
      | _ => put_path rest (Message.concat message (Message.of_string "."))
      end
  end.

Ltac2 is_ours (path : ident list) :=
  match path with
  | library :: _ => Ident.equal library @Qkcheck
  | [] => false
  end.

Ltac2 rec same (a : ident list) (b : ident list) :=
  match a with
  | [] => match b with [] => true | _ => false end
  | x :: a =>
      match b with [] => false | y :: b => if Ident.equal x y then same a b else false end
  end.

Ltac2 is_met (met : met) (path : ident list) :=
  List.exist (fun other => same other path) (met.(names)).

(* The body of a definition; a lemma or an axiom has none that a statement could depend on. *)
Ltac2 body (reference : Std.reference) (term : constr) :=
  Control.plus (fun () => Std.eval_unfold [(reference, Std.AllOccurrences)] term)
    (fun _ => Constr.type term).

Ltac2 constructors (inductive : inductive) :=
  let data := Ind.data inductive in
  List.map (fun i => Constr.type (Env.instantiate (Std.ConstructRef (Ind.get_constructor data i))))
    (List.seq 0 1 (Ind.nconstructors data)).

Ltac2 rec walk (met : met) (term : constr) : unit :=
  let each := Array.iter (walk met) in
  let binder b := walk met (Constr.Binder.type b) in
  match kind term with
  | Cast term _ type => walk met term; walk met type
  | Prod b term => binder b; walk met term
  | Lambda b term => binder b; walk met term
  | LetIn b value term => binder b; walk met value; walk met term
  | App f arguments => walk met f; each arguments
  | Case _ predicate _ value branches => walk met predicate; walk met value; each branches
  | Fix _ _ binders bodies => Array.iter binder binders; each bodies
  | CoFix _ binders bodies => Array.iter binder binders; each bodies
  | Proj _ term => walk met term
  | Constructor _ _ => walk met (Constr.type term)
  | Constant c _ =>
      let reference := Std.ConstRef c in
      meet met reference (fun () => walk met (Constr.type term); walk met (body reference term))
  | Ind i _ =>
      meet met (Std.IndRef i)
        (fun () => walk met (Constr.type term); List.iter (walk met) (constructors i))
  | _ => ()
  end
with meet (met : met) (reference : Std.reference) (inside : unit -> unit) :=
  let path := Env.path reference in
  if Bool.and (is_ours path) (Bool.neg (is_met met path)) then
    met.(names) := path :: met.(names);
    inside ();
    Message.print (put_path path (Message.of_string ""))
  else ().

Ltac2 uses (theorem : constr) := walk { names := [] } (Constr.type theorem).
