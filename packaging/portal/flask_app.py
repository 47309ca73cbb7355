"""The portal's API and auth tiers in small: Flask, run by gunicorn. PORTAL_HOST names the
host, so that an answer says who gave it."""
import os

from flask import Flask, jsonify, request

HOST = os.environ.get("PORTAL_HOST", "unnamed")
app = Flask(__name__)


def say(**more):
    return jsonify(host=HOST, path=request.path, client=request.headers.get("X-Forwarded-For"),
                   **more)


@app.after_request
def served_by(response):
    response.headers["X-Served-By"] = HOST
    return response


@app.get("/api/health")
def api_health():
    return jsonify(status="ok", checks={"redis": "ok", "database": "ok", "slurm": "ok"})


@app.get("/api/jobs")
def jobs():
    return say(jobs=[{"id": 4711, "state": "RUNNING"}, {"id": 4712, "state": "PENDING"}])


@app.post("/api/jobs")
def submit():
    return say(received=len(request.get_data())), 201


@app.get("/auth/health")
def auth_health():
    return jsonify(status="ok")


@app.route("/auth/login", methods=["GET", "POST"])
def login():
    return say(user=request.values.get("user", "nobody"))
